# rule: Privileged container started
# where: container
attack() {
    unshare --pid --fork --mount-proc true
}
near_miss() {
    unshare --pid --fork --mount-proc setpriv --bounding-set -sys_module --inh-caps -all true
}
