# rule: Search Private Keys or Passwords
# needs: find
attack() {
    find /root -name id_rsa > /dev/null
}
near_miss() {
    find /root -name '*.txt' > /dev/null
}
