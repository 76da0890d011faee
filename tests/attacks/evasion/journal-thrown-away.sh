# rule: Journal thrown away
# where: host
attack() {
    cp /bin/true journalctl
    ./journalctl --vacuum-time=1s
}
near_miss() {
    cp /bin/true journalctl
    ./journalctl --since today
}
