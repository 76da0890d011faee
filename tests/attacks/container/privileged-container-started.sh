# rule: Privileged container started
# where: container
attack() {
    unshare --pid --fork --mount-proc true
}
near_miss() {
    setpriv --bounding-set -sys_module unshare --pid --fork --mount-proc true
}
