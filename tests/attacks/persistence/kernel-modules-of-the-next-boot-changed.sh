# rule: Kernel modules of the next boot changed
# where: host
attack() {
    mkdir -p /etc/modules-load.d
    echo dummy > /etc/modules-load.d/attack-story.conf
}
near_miss() {
    echo 'search updates' > /etc/depmod.conf
}
