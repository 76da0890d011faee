# rule: Tool against containers started
# where: container
attack() {
    ln -s /bin/true peirates
    ./peirates
}
near_miss() {
    ln -s /bin/true less
    ./less /srv/deepce.sh
}
