# rule: Search for writable files
# where: host
attack() {
    find "$WORK" -maxdepth 0 -writable > /dev/null
}
near_miss() {
    find "$WORK" -maxdepth 0 -type d > /dev/null
}
