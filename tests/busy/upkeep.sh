# What keeps a machine tidy: logs rotated, caches and databases rebuilt, certificates.
# needs: apt-get
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends logrotate man-db plocate ca-certificates
    for n in 1 2 3; do
        echo "entry $n" >> /var/log/honest.log
        echo "entry $n" >> /var/log/own.log
    done
    printf '/var/log/honest.log {\n  rotate 3\n  compress\n  copytruncate\n}\n' > /etc/logrotate.d/honest
    printf '/var/log/own.log {\n  rotate 3\n  create\n  postrotate\n    true\n  endscript\n}\n' > /etc/logrotate.d/own
    logrotate -f /etc/logrotate.conf
    logrotate -f /etc/logrotate.d/honest
    mandb -q || true
    ldconfig
    updatedb || true
    update-ca-certificates
    locale -a
    systemd-tmpfiles --create --prefix=/run || true
    find /var/tmp /tmp -xdev -mtime +30 -delete
}
