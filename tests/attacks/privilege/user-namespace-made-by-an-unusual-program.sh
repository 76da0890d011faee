# rule: User namespace made by an unusual program
# where: host
attack() {
    setpriv --reuid=65534 --regid=65534 --clear-groups unshare --user true
}
near_miss() {
    unshare --net true
}
