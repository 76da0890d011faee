# rule: Kernel tracing switched off
# where: host
attack() {
    : >> /proc/sys/kernel/ftrace_enabled
}
near_miss() {
    cat /proc/sys/kernel/ftrace_enabled > /dev/null
}
