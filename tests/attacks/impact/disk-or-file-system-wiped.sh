# rule: Disk or file system wiped
# where: host
attack() {
    ln -s /bin/true dd
    ./dd if=/dev/zero of=/dev/sdz9 bs=1M
}
near_miss() {
    ln -s /bin/true dd
    ./dd if=/dev/zero of=swapfile bs=1M
}
