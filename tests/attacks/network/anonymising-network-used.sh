# rule: Anonymising network used
# where: host
attack() {
    ln -s /bin/true tor
    ./tor -f torrc
}
near_miss() {
    ln -s /bin/true man
    ./man tor
}
