# rule: Tool against containers started
# where: container
attack() {
    cp /bin/true peirates
    ./peirates
}
near_miss() {
    cp /bin/true less
    ./less /srv/deepce.sh
}
