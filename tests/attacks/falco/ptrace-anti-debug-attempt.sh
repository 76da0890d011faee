# rule: PTRACE anti-debug attempt
attack() {
    "$TOOLS/trace" traceme
}
near_miss() {
    "$TOOLS/trace" attach
}
