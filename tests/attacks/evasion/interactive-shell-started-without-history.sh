# rule: Interactive shell started without history
# where: host
# needs: script bash
attack() {
    HISTFILE=/dev/null script -qec 'bash --norc -c true' /dev/null < /dev/null
}
near_miss() {
    HISTFILE=/root/.bash_history script -qec 'bash --norc -c true' /dev/null < /dev/null
}
