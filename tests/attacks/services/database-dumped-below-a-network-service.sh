# rule: Database dumped below a network service
# where: host
attack() {
    ln -s /bin/sh nginx
    ln -s /bin/true mysqldump
    ./nginx -c './mysqldump shop customers; :'
}
near_miss() {
    ln -s /bin/sh cron
    ln -s /bin/true mysqldump
    ./cron -c './mysqldump shop customers; :'
}
