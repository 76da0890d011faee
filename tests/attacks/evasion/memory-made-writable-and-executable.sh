# rule: Memory made writable and executable
# where: host
# needs: cc
attack() {
    "$TOOLS/sys" 9 0 4096 3 34 -1 0 , 10 %0 4096 7
}
near_miss() {
    "$TOOLS/sys" 9 0 4096 3 34 -1 0 , 10 %0 4096 5
}
