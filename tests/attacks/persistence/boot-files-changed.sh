# rule: Boot files changed
# where: host
attack() {
    mkdir -p /etc/initramfs-tools/hooks
    echo true > /etc/initramfs-tools/hooks/attack-story
}
near_miss() {
    echo true > "$WORK/attack-story"
    ls /boot > /dev/null
}
