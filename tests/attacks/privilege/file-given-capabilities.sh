# rule: File given capabilities
# where: host
# needs: setcap
attack() {
    cp /bin/true "$WORK/helper"
    setcap cap_setuid+ep "$WORK/helper"
}
near_miss() {
    cp /bin/true "$WORK/helper"
    setfattr -n user.comment -v harmless "$WORK/helper" || $TOOLS/sys 188 "$WORK/helper" user.comment harmless 8 0
}
