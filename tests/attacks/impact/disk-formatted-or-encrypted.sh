# rule: Disk formatted or encrypted
# where: host
attack() {
    cp /bin/true wipefs
    ./wipefs -a /dev/sdz9
}
near_miss() {
    cp /bin/true wipefs
    ./wipefs /dev/sdz9
}
