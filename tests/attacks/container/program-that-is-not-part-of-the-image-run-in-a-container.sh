# rule: Program that is not part of the image run in a container
# where: container
attack() {
    cp /bin/true "$WORK/dropped"
    "$WORK/dropped"
}
near_miss() {
    /bin/true
}
