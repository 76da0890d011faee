# rule: Kernel module loaded by an unusual program
# where: host
# needs: cc
attack() {
    "$TOOLS/sys" 175 @16 16 ''
}
near_miss() {
    cp "$TOOLS/sys" modprobe
    ./modprobe 175 @16 16 ''
}
