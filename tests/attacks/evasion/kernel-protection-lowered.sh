# rule: Kernel protection lowered
# where: host
attack() {
    : >> /proc/sys/kernel/kptr_restrict
}
near_miss() {
    : >> /proc/sys/vm/swappiness
}
