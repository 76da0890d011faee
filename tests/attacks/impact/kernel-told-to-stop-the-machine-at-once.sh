# rule: Kernel told to stop the machine at once
# where: host
attack() {
    sh -c ': >> /proc/sysrq-trigger'
}
near_miss() {
    cat /proc/sys/kernel/sysrq > /dev/null
}
