# rule: Debugfs Launched in Privileged Container
# where: container
# needs: debugfs dumpe2fs
attack() {
    debugfs -V 2> /dev/null
}
near_miss() {
    dumpe2fs -V 2> /dev/null
}
