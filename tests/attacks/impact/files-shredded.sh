# rule: Files shredded
# where: host
attack() {
    echo > trace
    shred -u trace
}
near_miss() {
    echo > trace
    rm trace
}
