# A web server is installed, serves, is told to reload, and rotates its logs.
# needs: apt-get unshare
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends nginx-light logrotate curl
    unshare --net sh -eu <<'SH'
ip link set lo up
nginx -t
nginx
curl -sf http://127.0.0.1/ > /dev/null
for n in 1 2 3 4 5; do curl -s "http://127.0.0.1/page-$n" > /dev/null; done
nginx -s reload
logrotate -f /etc/logrotate.d/nginx || true
nginx -s reopen
curl -sf http://127.0.0.1/ > /dev/null
nginx -s quit
SH
}
