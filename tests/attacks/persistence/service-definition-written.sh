# rule: Service definition written
# where: host
attack() {
    mkdir -p /etc/systemd/system
    echo '[Service]' > /etc/systemd/system/attack-story.service
}
near_miss() {
    mkdir -p /etc/systemd/system
    echo '[Service]' > "$WORK/attack-story.service"
    cat "$WORK/attack-story.service" > /dev/null
}
