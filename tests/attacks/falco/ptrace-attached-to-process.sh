# rule: PTRACE attached to process
attack() {
    "$TOOLS/trace" attach
}
near_miss() {
    "$TOOLS/trace" traceme
}
