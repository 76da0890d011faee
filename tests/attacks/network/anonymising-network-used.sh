# rule: Anonymising network used
# where: host
attack() {
    cp /bin/true tor
    ./tor -f torrc
}
near_miss() {
    cp /bin/true man
    ./man tor
}
