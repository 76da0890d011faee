# rule: Working directory taken from a descriptor
# where: container
attack() {
    exec 8< /
    cd /proc/self/fd/8
}
near_miss() {
    cd /
}
