# rule: New user namespace made in a container
# where: container
attack() {
    unshare --user --map-root-user true
}
near_miss() {
    unshare --uts true
}
