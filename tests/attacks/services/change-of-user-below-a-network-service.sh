# rule: Change of user below a network service
# where: host
attack() {
    ln -s /bin/sh nginx
    ln -s /bin/true su
    ./nginx -c './su anna; :'
}
near_miss() {
    ln -s /bin/sh worker
    ln -s /bin/true su
    ./worker -c './su anna; :'
}
