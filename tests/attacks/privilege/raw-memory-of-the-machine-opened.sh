# rule: Raw memory of the machine opened
# where: host
attack() {
    rm -f /dev/mem; echo memory > /dev/mem
    cat /dev/mem > /dev/null
}
near_miss() {
    cat /proc/meminfo > /dev/null
}
