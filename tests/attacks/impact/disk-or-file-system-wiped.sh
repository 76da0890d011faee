# rule: Disk or file system wiped
# where: host
attack() {
    cp /bin/true dd
    ./dd if=/dev/zero of=/dev/sdz9 bs=1M
}
near_miss() {
    cp /bin/true dd
    ./dd if=/dev/zero of=swapfile bs=1M
}
