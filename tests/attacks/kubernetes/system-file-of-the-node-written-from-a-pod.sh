# rule: System file of the node written from a pod
# where: container
attack() {
    mkdir -p /host/etc/cron.d
    echo '* * * * * root true' > /host/etc/cron.d/x
}
near_miss() {
    mkdir -p /host/var/log
    echo x > /host/var/log/x
}
