# rule: Service asks who and where it is
# where: host
attack() {
    ln -s /bin/sh nginx
    ./nginx -c 'id > /dev/null; true'
}
near_miss() {
    ln -s /bin/sh worker
    ./worker -c 'id > /dev/null; true'
}
