# rule: Shell history destroyed
# where: host
attack() {
    echo ls > /root/.bash_history
    rm /root/.bash_history
}
near_miss() {
    echo ls > /root/.bash_aliases
    rm /root/.bash_aliases
}
