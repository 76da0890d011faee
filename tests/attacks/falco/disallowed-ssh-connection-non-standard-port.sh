# rule: Disallowed SSH Connection Non Standard Port
connect() {
    cp "$TOOLS/dial" "$WORK/ssh"
    "$TOOLS/listen" "$1"
    "$WORK/ssh" 203.0.113.5 "$1"
}
attack() {
    connect 443
}
near_miss() {
    connect 22
}
