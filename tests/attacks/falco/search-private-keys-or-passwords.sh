# rule: Search Private Keys or Passwords
# needs: find
attack() {
    find "$WORK" -name id_rsa > /dev/null
}
near_miss() {
    find "$WORK" -name '*.txt' > /dev/null
}
