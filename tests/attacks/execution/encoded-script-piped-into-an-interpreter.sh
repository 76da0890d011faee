# rule: Encoded script piped into an interpreter
# where: host
# needs: bash
attack() {
    bash -c 'echo dHJ1ZQo= | base64 -d | sh'
}
near_miss() {
    bash -c 'echo dHJ1ZQo= | base64 -d | cat > /dev/null'
}
