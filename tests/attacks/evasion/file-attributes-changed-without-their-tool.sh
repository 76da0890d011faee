# rule: File attributes changed without their tool
# where: host
# needs: cc
attack() {
    : > x
    "$TOOLS/sys" 2 "$WORK/x" 0 , 16 %0 0x80086601 @8 , 16 %0 0x40086602 @8
}
near_miss() {
    : > x
    "$TOOLS/sys" 2 "$WORK/x" 0 , 16 %0 0x80086601 @8
}
