# rule: Terminal shell in container
# where: container
# needs: script
# The runtime starts a shell inside, with a terminal and without.
attack() {
    cp /bin/sh "$WORK/runc"
    script -qec "$WORK/runc -c 'bash -c true; :'" /dev/null < /dev/null
}
near_miss() {
    cp /bin/sh "$WORK/runc"
    "$WORK/runc" -c 'bash -c true; :'
}
