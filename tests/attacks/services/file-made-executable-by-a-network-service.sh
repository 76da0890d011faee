# rule: File made executable by a network service
# where: host
attack() {
    ln -s /bin/sh nginx
    mkdir -p /var/www/html
    echo true > /var/www/html/k
    ./nginx -c 'chmod +x /var/www/html/k; :'
}
near_miss() {
    ln -s /bin/sh nginx
    mkdir -p /var/www/html
    echo true > /var/www/html/k
    ./nginx -c 'chmod 644 /var/www/html/k; :'
}
