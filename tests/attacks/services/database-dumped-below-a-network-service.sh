# rule: Database dumped below a network service
# where: host
attack() {
    cp /bin/sh nginx
    cp /bin/true mysqldump
    ./nginx -c './mysqldump shop customers; :'
}
near_miss() {
    cp /bin/sh cron
    cp /bin/true mysqldump
    ./cron -c './mysqldump shop customers; :'
}
