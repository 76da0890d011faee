# rule: Security program killed
# where: host
# needs: cc
attack() {
    cp /bin/sleep auditd
    # By its id, as a member of a group, by a queued signal, and through a descriptor.
    ./auditd 5 & pid=$!
    sleep 0.3
    kill -STOP $pid
    kill -KILL $pid
    setsid ./auditd 5 & pid=$!
    sleep 0.3
    "$TOOLS/signal" group $pid
    ./auditd 5 & pid=$!
    sleep 0.3
    "$TOOLS/signal" queue $pid
    ./auditd 5 & pid=$!
    sleep 0.3
    "$TOOLS/signal" descriptor $pid
}
near_miss() {
    cp /bin/sleep worker
    ./worker 5 & pid=$!
    sleep 0.3
    "$TOOLS/signal" descriptor $pid
}
