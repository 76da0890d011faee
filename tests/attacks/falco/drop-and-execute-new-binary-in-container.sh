# rule: Drop and execute new binary in container
# where: container
attack() {
    cp /bin/true /usr/local/bin/dropped
    /usr/local/bin/dropped
}
near_miss() {
    cp /bin/true /usr/local/bin/dropped
    /bin/true
}
