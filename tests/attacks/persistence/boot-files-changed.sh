# rule: Boot files changed
# where: host
attack() {
    mkdir -p /etc/initramfs-tools/hooks
    echo true > /etc/initramfs-tools/hooks/attack-story
}
near_miss() {
    mkdir -p /etc/default
    echo SHELL=/bin/sh > /etc/default/useradd
}
