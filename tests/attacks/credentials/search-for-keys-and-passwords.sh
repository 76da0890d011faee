# rule: Search for keys and passwords
# where: host
attack() {
    find /etc -name id_rsa > /dev/null
}
near_miss() {
    find /etc -name passwd > /dev/null
}
