# rule: Privilege configuration written
# where: host
attack() {
    mkdir -p /etc/sudoers.d
    echo 'nobody ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/zz
}
near_miss() {
    echo 'Set disable_coredump false' > /etc/sudo.conf
}
