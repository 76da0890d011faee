# rule: File hidden among devices
# where: host
attack() {
    unshare -m sh -ec 'mount -t tmpfs none /dev; echo x > /dev/ttyS9.conf'
}
near_miss() {
    echo x > /dev/shm/attack-story; rm /dev/shm/attack-story
}
