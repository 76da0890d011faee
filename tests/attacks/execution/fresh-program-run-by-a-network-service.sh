# rule: Fresh program run by a network service
# where: host
attack() {
    cp /bin/sh nginx
    cp /bin/true fresh
    ./nginx -c './fresh; :'
}
near_miss() {
    cp /bin/sh worker
    cp /bin/true fresh
    ./worker -c './fresh; :'
}
