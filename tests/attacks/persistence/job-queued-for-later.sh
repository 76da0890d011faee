# rule: Job queued for later
# where: host
attack() {
    cp /bin/true at
    ./at -f job 03:00
}
near_miss() {
    cp /bin/true at
    ./at -l
}
