# rule: Firewall emptied
# where: host
attack() {
    cp /bin/true iptables
    ./iptables -F
}
near_miss() {
    cp /bin/true iptables
    ./iptables -L -n
}
