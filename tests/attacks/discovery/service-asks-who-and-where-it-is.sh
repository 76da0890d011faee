# rule: Service asks who and where it is
# where: host
attack() {
    cp /bin/sh nginx
    ./nginx -c 'id > /dev/null; true'
}
near_miss() {
    cp /bin/sh worker
    ./worker -c 'id > /dev/null; true'
}
