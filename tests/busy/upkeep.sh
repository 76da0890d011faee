# What keeps a machine tidy: logs rotated, caches and databases rebuilt, certificates,
# what could be upgraded.
# needs: apt-get
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends logrotate man-db plocate ca-certificates \
        unattended-upgrades tzdata locales needrestart
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
    # It looks at every package there is, which takes minutes on a slow machine.
    timeout 60 unattended-upgrade --dry-run -d > "$WORK/upgrades" 2>&1 || true
    apt-get upgrade -q -s > /dev/null
    needrestart -b || true
    echo 'en_GB.UTF-8 UTF-8' >> /etc/locale.gen
    locale-gen
    find /var/tmp /tmp -xdev -mtime +30 -delete
}
