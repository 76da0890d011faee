# rule: Disk or file system wiped
# where: host
attack() {
    dd if=/dev/zero of=/dev/sdz9 bs=1k count=1 2> /dev/null
}
near_miss() {
    dd if=/dev/zero of=swapfile bs=1k count=1 2> /dev/null
}
