# rule: System program overwritten
# where: host
attack() {
    cp /bin/true /usr/bin/attack-story
}
near_miss() {
    mkdir -p /usr/local/bin
    cp /bin/true /usr/local/bin/attack-story
}
