# rule: Overlay mounted by a user
# where: host
attack() {
    mkdir l u w m; chmod -R 777 "$WORK"
    setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urm sh -c 'mount -t tmpfs none m && mkdir m/l m/u m/w m/m && mount -t overlay overlay -o lowerdir=m/l,upperdir=m/u,workdir=m/w m/m'
}
near_miss() {
    mkdir m; chmod -R 777 "$WORK"
    setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urm mount -t tmpfs none m
}
