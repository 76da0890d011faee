# rule: Program run from shared memory
# where: host
attack() {
    cp /bin/true /dev/shm/k
    /dev/shm/k
}
near_miss() {
    cp /bin/true /dev/shm/k
    cp /dev/shm/k k
    ./k
}
