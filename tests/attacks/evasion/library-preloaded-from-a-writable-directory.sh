# rule: Library preloaded from a writable directory
# where: host
attack() {
    LD_PRELOAD=/tmp/none.so /bin/true 2> /dev/null
}
near_miss() {
    LD_PRELOAD=libc.so.6 /bin/true
}
