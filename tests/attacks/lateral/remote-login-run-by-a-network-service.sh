# rule: Remote login run by a network service
# where: host
attack() {
    cp /bin/sh nginx
    cp /bin/true ssh
    ./nginx -c './ssh -i k app@192.0.2.9; :'
}
near_miss() {
    cp /bin/sh worker
    cp /bin/true ssh
    ./worker -c './ssh -i k app@192.0.2.9; :'
}
