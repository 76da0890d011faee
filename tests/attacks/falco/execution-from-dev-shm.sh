# rule: Execution from /dev/shm
attack() {
    cp /bin/true /dev/shm/program
    /dev/shm/program
}
near_miss() {
    cp /bin/true "$WORK/program"
    "$WORK/program"
}
