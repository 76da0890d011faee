# rule: Service definition written
# where: host
attack() {
    mkdir -p /etc/systemd/system
    echo '[Service]' > /etc/systemd/system/attack-story.service
}
near_miss() {
    mkdir -p /etc/systemd
    echo '[Manager]' > /etc/systemd/attack-story.conf
}
