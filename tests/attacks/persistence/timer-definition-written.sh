# rule: Timer definition written
# where: host
attack() {
    mkdir -p /etc/systemd/system
    echo '[Timer]' > /etc/systemd/system/attack-story.timer
}
near_miss() {
    echo '[Timer]' > "$WORK/attack-story.timer"
}
