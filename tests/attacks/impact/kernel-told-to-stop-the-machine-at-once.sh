# rule: Kernel told to stop the machine at once
# where: host
attack() {
    sh -c ': >> /proc/sysrq-trigger' 2> /dev/null || :
}
near_miss() {
    cat /proc/sys/kernel/panic > /dev/null
}
