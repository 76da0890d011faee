# rule: Disk formatted or encrypted
# where: host
attack() {
    head -c 1000000 /dev/zero > /dev/sdz9
    wipefs -a /dev/sdz9
}
near_miss() {
    head -c 1000000 /dev/zero > /dev/sdz9
    wipefs /dev/sdz9
}
