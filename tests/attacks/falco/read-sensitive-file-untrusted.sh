# rule: Read sensitive file untrusted
attack() {
    cat /etc/shadow > /dev/null
}
# The same program on the file beside it, which everybody may read.
near_miss() {
    cat /etc/passwd > /dev/null
}
