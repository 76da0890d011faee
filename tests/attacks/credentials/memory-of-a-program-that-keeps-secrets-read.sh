# rule: Memory of a program that keeps secrets read
# where: host
# needs: cc
attack() {
    cp /bin/sleep ssh-agent
    ./ssh-agent 5 & pid=$!
    sleep 0.2
    "$TOOLS/vm" read $pid
    kill $pid
}
near_miss() {
    sleep 5 & pid=$!
    sleep 0.2
    "$TOOLS/vm" read $pid
    kill $pid
}
