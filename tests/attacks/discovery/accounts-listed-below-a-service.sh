# rule: Accounts listed below a service
# where: host
attack() {
    cp /bin/sh nginx
    ./nginx -c 'cat /etc/passwd > /dev/null; true'
}
near_miss() {
    cp /bin/sh nginx
    ./nginx -c 'cat /etc/hostname > /dev/null; true'
}
