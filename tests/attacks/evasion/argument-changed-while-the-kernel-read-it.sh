# rule: Argument changed while the kernel read it
# where: host
# needs: cc
attack() {
    echo hash > secret
    "$TOOLS/flip" secret harmless
}
near_miss() {
    echo hash > secret
    "$TOOLS/flip" secret secret
}
