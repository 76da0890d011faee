# rule: Netcat Remote Code Execution in Container
# where: container
# needs: busybox
attack() {
    cp "$(command -v busybox)" "$WORK/nc"
    "$TOOLS/listen" 4444
    "$WORK/nc" 203.0.113.5 4444 -e /bin/true || true
}
near_miss() {
    cp "$(command -v busybox)" "$WORK/nc"
    "$TOOLS/listen" 4444
    "$WORK/nc" 203.0.113.5 4444 < /dev/null
}
