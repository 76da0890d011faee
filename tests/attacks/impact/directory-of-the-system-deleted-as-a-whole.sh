# rule: Directory of the system deleted as a whole
# where: host
attack() {
    cp /bin/true rm
    ./rm -rf /home
}
near_miss() {
    cp /bin/true rm
    ./rm -rf /home/anna/build
}
