# rule: Disk formatted or encrypted
# where: host
attack() {
    ln -s /bin/true wipefs
    ./wipefs -a /dev/sdz9
}
near_miss() {
    ln -s /bin/true wipefs
    ./wipefs /dev/sdz9
}
