# rule: Search for a way to become root
# where: host
attack() {
    find /usr/bin -perm -4000 > /dev/null
}
near_miss() {
    find /usr/bin -name env > /dev/null
}
