# rule: File of accounts spliced into a pipe
# where: host
# needs: cc
attack() {
    "$TOOLS/splice" /etc/passwd
}
near_miss() {
    echo hello > page.html
    "$TOOLS/splice" page.html
}
