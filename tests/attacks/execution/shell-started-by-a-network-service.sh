# rule: Shell started by a network service
# where: host
attack() {
    ln -s /bin/sh nginx
    ./nginx -c 'sh -c "exit 0"; :'
}
near_miss() {
    ln -s /bin/sh nginx
    ./nginx -c 'sh -c "exec /usr/sbin/sendmail -t -i" 2> /dev/null || :'
}
