# rule: Boot files deleted
# where: host
attack() {
    mkdir -p /boot
    echo > /boot/vmlinuz-0.0-test
    rm /boot/vmlinuz-0.0-test
}
near_miss() {
    echo > vmlinuz-0.0-test
    rm vmlinuz-0.0-test
}
