# rule: Service looks around
# where: host
attack() {
    cp /bin/sh nginx
    ./nginx -c 'id > /dev/null; :'
}
near_miss() {
    cp /bin/sh worker
    ./worker -c 'id > /dev/null; :'
}
