# rule: Device rule written
# where: host
attack() {
    mkdir -p /etc/udev/rules.d
    echo 'ACTION=="none"' > /etc/udev/rules.d/99-attack-story.rules
}
near_miss() {
    mkdir -p /etc/udev
    echo 'udev_log=info' > /etc/udev/udev.conf.example
}
