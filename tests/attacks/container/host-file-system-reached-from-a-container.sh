# rule: Host file system reached from a container
# where: container
attack() {
    cat /proc/1/root/etc/hostname > /dev/null
}
near_miss() {
    cat /proc/1/status > /dev/null
}
