# rule: File descriptor taken from another process
# where: host
# needs: cc
attack() {
    "$TOOLS/sys" 434 $$ 0 , 438 %0 0 0
}
near_miss() {
    cp "$TOOLS/sys" gdb
    "$WORK/gdb" 434 $$ 0 , 438 %0 0 0
}
