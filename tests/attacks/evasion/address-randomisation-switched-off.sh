# rule: Address randomisation switched off
# where: host
attack() {
    setarch -R true
}
near_miss() {
    setarch --uname-2.6 true
}
