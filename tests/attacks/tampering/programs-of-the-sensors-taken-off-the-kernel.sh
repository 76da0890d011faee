# rule: Programs of the sensors taken off the kernel
# where: host
# needs: cc
attack() {
    "$TOOLS/sys" 321 34 @64 64
}
near_miss() {
    "$TOOLS/sys" 321 31 @64 64
}
