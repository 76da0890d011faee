# rule: Linker preload file written
# where: host
attack() {
    echo /usr/lib/libx.so > /etc/ld.so.preload
    rm /etc/ld.so.preload
}
near_miss() {
    echo /usr/lib > /etc/ld.so.example
}
