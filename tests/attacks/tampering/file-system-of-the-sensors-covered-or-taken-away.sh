# rule: File system of the sensors covered or taken away
# where: host
attack() {
    mount -t tmpfs none /sys/kernel/debug
}
near_miss() {
    mkdir m
    mount -t tmpfs none m
}
