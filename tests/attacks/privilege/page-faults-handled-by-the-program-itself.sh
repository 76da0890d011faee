# rule: Page faults handled by the program itself
# where: host
# needs: cc
attack() {
    $TOOLS/sys 323 1
}
near_miss() {
    cp "$TOOLS/sys" "$WORK/qemu-system-x86"
    "$WORK/qemu-system-x86" 323 1
}
