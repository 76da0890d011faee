# rule: Fresh program run by a network service
# where: host
attack() {
    ln -s /bin/sh nginx
    cp /bin/true fresh
    ./nginx -c './fresh; :'
}
near_miss() {
    ln -s /bin/sh worker
    cp /bin/true fresh
    ./worker -c './fresh; :'
}
