# rule: Block device made in a container
# where: container
attack() {
    mknod disk b 8 0 || :
}
near_miss() {
    mknod pipe p
}
