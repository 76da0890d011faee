# rule: Directory of the system deleted as a whole
# where: host
attack() {
    test ! -e /var/lib/mongodb
    mkdir -p /var/lib/mongodb
    echo data > /var/lib/mongodb/shop.0
    rm -rf /var/lib/mongodb
}
near_miss() {
    test ! -e /var/lib/mongodb
    mkdir -p /var/lib/mongodb/old
    echo data > /var/lib/mongodb/old/shop.0
    rm -rf /var/lib/mongodb/old
}
