# rule: Security programs looked for
# where: host
# needs: pgrep
attack() {
    pgrep -l falcon-sensor || true
}
near_miss() {
    pgrep -l nginx || true
}
