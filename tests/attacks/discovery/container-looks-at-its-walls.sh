# rule: Container looks at its walls
# where: container
attack() {
    cat /proc/1/mountinfo > /dev/null
}
near_miss() {
    cat /proc/self/status > /dev/null
}
