# rule: Runtime binary opened for writing
# where: container
attack() {
    sleep 5 &
    sh -c ": >> /proc/$!/exe" 2> /dev/null || :
}
near_miss() {
    sleep 5 &
    head -c 4 "/proc/$!/exe" > /dev/null
}
