# rule: Sudo given an argument that ends in a backslash
# where: host
attack() {
    cp /bin/true "$WORK/sudoedit"
    "$WORK/sudoedit" -s 'AAAAAAAAAAAAAAAA\'
}
near_miss() {
    cp /bin/true "$WORK/sudoedit"
    "$WORK/sudoedit" -s /etc/hosts
}
