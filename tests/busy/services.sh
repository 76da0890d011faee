# Services are started, asked, told to reload, restarted and stopped by their init
# scripts, as on a machine without systemd; systemctl is asked as well.
# needs: apt-get unshare
# network: host
# right: Defences switched off: who stops the log by hand is asked why
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends cron rsyslog openssh-server memcached dnsmasq-base dbus ntpsec
    unshare --net sh -eu <<'SH'
ip link set lo up
mkdir -p /run/sshd
for service in dbus cron ssh memcached rsyslog; do
    service "$service" start || true
    service "$service" status || true
done
sleep 1
logger -t honest "the services are up"
service ssh reload || true
service rsyslog rotate || true
for service in rsyslog memcached ssh cron; do
    service "$service" restart || true
done
service --status-all || true
update-rc.d memcached disable
update-rc.d memcached enable
systemctl list-unit-files > /dev/null 2>&1 || true
systemctl is-enabled cron || true
dnsmasq --no-daemon --no-resolv --port=5353 --listen-address=127.0.0.1 --bind-interfaces &
dnsmasq=$!
sleep 1
kill "$dnsmasq"
for service in memcached ssh cron rsyslog dbus; do
    service "$service" stop || true
done
SH
}
