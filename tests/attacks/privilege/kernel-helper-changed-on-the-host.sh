# rule: Kernel helper changed on the host
# where: host
attack() {
    : >> /proc/sys/kernel/core_pattern
}
near_miss() {
    : >> /proc/sys/kernel/core_uses_pid
}
