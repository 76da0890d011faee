# rule: Program made setuid
# where: host
attack() {
    cp /bin/true "$WORK/helper"
    chmod 4755 "$WORK/helper"
}
near_miss() {
    cp /bin/true "$WORK/helper"
    chmod 755 "$WORK/helper"
}
