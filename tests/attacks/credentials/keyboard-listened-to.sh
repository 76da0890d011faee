# rule: Keyboard listened to
# where: host
attack() {
    unshare -m sh -ec 'mount -t tmpfs none /dev; mkdir /dev/input; echo x > /dev/input/event3; cat /dev/input/event3' 
}
near_miss() {
    unshare -m sh -ec 'mount -t tmpfs none /dev; mkdir /dev/input; echo x > /dev/input/js0; cat /dev/input/js0'
}
