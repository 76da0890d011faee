# rule: Privileged shell started
# where: host
# needs: bash
attack() {
    bash -p -c true
}
near_miss() {
    bash -c true
}
