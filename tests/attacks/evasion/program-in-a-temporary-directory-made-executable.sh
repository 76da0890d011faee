# rule: Program in a temporary directory made executable
# where: host
attack() {
    : > /tmp/attack-story
    chmod 755 /tmp/attack-story
}
near_miss() {
    : > /tmp/attack-story
    chmod 644 /tmp/attack-story
}
