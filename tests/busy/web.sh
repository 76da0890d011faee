# Web servers are installed, serve pages made by PHP, are told to reload, and rotate their logs.
# needs: apt-get unshare
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends nginx-light php-fpm php-cli apache2 libapache2-mod-php logrotate curl
    php=$(basename /usr/sbin/php-fpm*)
    unshare --net sh -eu -s "$php" <<'SH'
ip link set lo up
mkdir -p /run/php /var/www/html
echo '<?php echo "sum ", array_sum([1, 2]), " by ", PHP_SAPI, "\n"; file_put_contents(sys_get_temp_dir() . "/visits", "1", FILE_APPEND);' \
    > /var/www/html/sum.php
cat > /etc/nginx/sites-enabled/default <<NGINX
server {
    listen 127.0.0.1:80;
    root /var/www/html;
    location ~ \.php\$ {
        include snippets/fastcgi-php.conf;
        fastcgi_pass unix:/run/php/honest.sock;
    }
}
NGINX
printf '[www]\nuser = www-data\ngroup = www-data\nlisten = /run/php/honest.sock\nlisten.owner = www-data\npm = static\npm.max_children = 2\n' \
    > "$(echo /etc/php/*/fpm/pool.d/www.conf)"
"$1" --daemonize
nginx -t
nginx
for n in 1 2 3 4 5; do curl -sf http://127.0.0.1/sum.php; done
for n in 1 2 3 4 5; do curl -s "http://127.0.0.1/page-$n" > /dev/null; done
nginx -s reload
logrotate -f /etc/logrotate.d/nginx || true
nginx -s reopen
curl -sf http://127.0.0.1/sum.php
nginx -s quit
kill -QUIT "$(cat /run/php/php*.pid)"
echo 'ServerName localhost' >> /etc/apache2/apache2.conf
apachectl configtest
apachectl start
sleep 1
for n in 1 2 3; do curl -sf http://127.0.0.1/sum.php; done
apachectl graceful
sleep 1
logrotate -f /etc/logrotate.d/apache2 || true
apachectl stop
php -r 'echo PHP_VERSION, "\n";'
SH
}
