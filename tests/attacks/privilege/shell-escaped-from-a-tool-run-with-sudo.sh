# rule: Shell escaped from a tool run with sudo
# where: host
attack() {
    cp /bin/sh "$WORK/sudo"
    "$WORK/sudo" -c 'find . -maxdepth 0 -exec /bin/sh \; ; true' < /dev/null
}
near_miss() {
    cp /bin/sh "$WORK/sudo"
    "$WORK/sudo" -c 'find . -maxdepth 0 -exec /bin/sh -c true \; ; true' < /dev/null
}
