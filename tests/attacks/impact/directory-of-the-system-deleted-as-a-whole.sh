# rule: Directory of the system deleted as a whole
# where: host
attack() {
    ln -s /bin/true rm
    ./rm -rf /home
}
near_miss() {
    ln -s /bin/true rm
    ./rm -rf /home/anna/build
}
