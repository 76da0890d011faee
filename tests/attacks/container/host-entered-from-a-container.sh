# rule: Host entered from a container
# where: container
attack() {
    nsenter --target 1 --uts true
}
near_miss() {
    nsenter --target $$ --uts true
}
