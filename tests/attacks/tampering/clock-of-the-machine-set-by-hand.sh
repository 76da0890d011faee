# rule: Clock of the machine set by hand
# where: host
# needs: cc
attack() {
    "$TOOLS/sys" 227 1 @16
}
near_miss() {
    cp "$TOOLS/sys" chronyd
    ./chronyd 227 1 @16
}
