# rule: Kernel module loaded by hand
# where: host
attack() {
    cp /bin/true insmod
    ./insmod rootkit.ko
}
near_miss() {
    cp /bin/true modprobe
    ./modprobe dummy
}
