# rule: Directory of a process hidden under a mount
# where: host
attack() {
    sleep 3 & pid=$!
    mkdir empty
    mount --bind empty /proc/$pid
    umount /proc/$pid
    kill $pid
}
near_miss() {
    mkdir empty m
    mount --bind empty m
    umount m
}
