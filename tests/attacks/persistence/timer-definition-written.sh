# rule: Timer definition written
# where: host
attack() {
    mkdir -p /etc/systemd/system
    echo '[Timer]' > /etc/systemd/system/attack-story.timer
}
near_miss() {
    mkdir -p /etc/systemd/system
    echo '[Slice]' > /etc/systemd/system/attack-story.slice
}
