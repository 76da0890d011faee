# rule: Memory of another process copied
# where: host
# needs: cc
attack() {
    sleep 5 & pid=$!
    sleep 0.2
    "$TOOLS/vm" read $pid
    kill $pid
}
near_miss() {
    cp "$TOOLS/vm" gdb
    sleep 5 & pid=$!
    sleep 0.2
    ./gdb read $pid
    kill $pid
}
