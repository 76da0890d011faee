# rule: Security program attached to
# where: host
# needs: cc
attack() {
    cp /bin/sleep auditd
    ./auditd 5 & pid=$!
    sleep 0.3
    "$TOOLS/sys" 101 16 $pid 0 0
    kill $pid
}
near_miss() {
    cp /bin/sleep worker
    ./worker 5 & pid=$!
    sleep 0.3
    "$TOOLS/sys" 101 16 $pid 0 0
    kill $pid
}
