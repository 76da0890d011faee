# rule: Cloud credentials made or printed by hand
# where: host
attack() {
    ln -s /bin/true aws
    ./aws configure export-credentials
}
near_miss() {
    ln -s /bin/true aws
    ./aws sts get-caller-identity
}
