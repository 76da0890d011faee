# rule: Secrets taken from another process
# where: host
attack() {
    sleep 5 & pid=$!
    cat /proc/$pid/environ > /dev/null
    kill $pid
}
near_miss() {
    sleep 5 & pid=$!
    cat /proc/$pid/status > /dev/null
    kill $pid
}
