# rule: Argument changed while the kernel read it
# where: host
# needs: cc
attack() {
    "$TOOLS/flip" /etc/hostname /etc/shadow
}
near_miss() {
    "$TOOLS/flip" /etc/hostname /etc/hostname
}
