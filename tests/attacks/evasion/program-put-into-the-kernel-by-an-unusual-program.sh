# rule: Program put into the kernel by an unusual program
# where: host
# needs: cc
attack() {
    "$TOOLS/bpf"
}
near_miss() {
    cp "$TOOLS/bpf" bpftool
    ./bpftool
}
