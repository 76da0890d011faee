# rule: Packet socket created in container
# where: container
attack() {
    "$TOOLS/open-socket" packet
}
near_miss() {
    "$TOOLS/open-socket" raw
}
