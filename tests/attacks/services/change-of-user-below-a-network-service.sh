# rule: Change of user below a network service
# where: host
attack() {
    cp /bin/sh nginx
    cp /bin/true sudo
    ./nginx -c './sudo -l; :'
}
near_miss() {
    cp /bin/sh worker
    cp /bin/true sudo
    ./worker -c './sudo -l; :'
}
