# rule: Access control weakened
# where: host
attack() {
    mkdir -p /etc/selinux
    echo SELINUX=disabled > /etc/selinux/config
}
near_miss() {
    mkdir -p /etc/selinux
    echo notes > /etc/selinux/notes
}
