# rule: Cloud credentials made or printed by hand
# where: host
attack() {
    cp /bin/true aws
    ./aws configure export-credentials
}
near_miss() {
    cp /bin/true aws
    ./aws sts get-caller-identity
}
