# rule: Remote login run by a network service
# where: host
attack() {
    ln -s /bin/sh nginx
    ln -s /bin/true ssh
    ./nginx -c './ssh -i k app@192.0.2.9; :'
}
near_miss() {
    ln -s /bin/sh worker
    ln -s /bin/true ssh
    ./worker -c './ssh -i k app@192.0.2.9; :'
}
