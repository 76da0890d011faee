# rule: Password hashes read
# where: host
# needs: sed
attack() {
    cat /etc/shadow > /dev/null
}
near_miss() {
    cat /etc/passwd > /dev/null
}
