# rule: Security program killed
# where: host
attack() {
    cp /bin/sleep auditd
    ./auditd 5 & pid=$!
    sleep 0.3
    kill -STOP $pid
    kill -KILL $pid
}
near_miss() {
    cp /bin/sleep worker
    ./worker 5 & pid=$!
    sleep 0.3
    kill -KILL $pid
}
