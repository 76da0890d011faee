# rule: Raw memory of the machine opened
# where: host
attack() {
    head -c 16 /proc/kcore > /dev/null
}
near_miss() {
    head -c 16 /proc/meminfo > /dev/null
}
