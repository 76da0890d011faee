# rule: Code written into another process
# where: host
# needs: cc
attack() {
    sleep 5 & pid=$!
    sleep 0.2
    "$TOOLS/vm" write $pid
    kill $pid
}
near_miss() {
    sleep 5 & pid=$!
    sleep 0.2
    "$TOOLS/vm" read $pid
    kill $pid
}
