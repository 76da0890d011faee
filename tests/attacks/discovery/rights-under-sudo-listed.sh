# rule: Rights under sudo listed
# where: host
attack() {
    cp /bin/true sudo
    ./sudo -n -l
}
near_miss() {
    cp /bin/true sudo
    ./sudo true
}
