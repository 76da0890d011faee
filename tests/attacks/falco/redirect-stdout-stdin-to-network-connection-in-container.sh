# rule: Redirect STDOUT/STDIN to Network Connection in Container
# where: container
# A program calls back to its master and puts the connection in the place of its
# own standard streams, or keeps it under another number.
attack() {
    "$TOOLS/listen" 4444
    "$TOOLS/dial" 203.0.113.5 4444 0 1 2 -- /bin/true
}
near_miss() {
    "$TOOLS/listen" 4444
    "$TOOLS/dial" 203.0.113.5 4444 7 8 9 -- /bin/true
}
