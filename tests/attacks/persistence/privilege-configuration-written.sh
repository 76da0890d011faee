# rule: Privilege configuration written
# where: host
attack() {
    mkdir -p /etc/sudoers.d
    echo 'nobody ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/zz
}
near_miss() {
    mkdir -p /etc/sudoers.d
    echo x > "$WORK/zz"
    ls /etc/sudoers.d > /dev/null
}
