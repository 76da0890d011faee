# rule: SSH server configuration written
# where: host
attack() {
    mkdir -p /etc/ssh
    echo 'PermitRootLogin yes' >> /etc/ssh/sshd_config
}
near_miss() {
    mkdir -p /etc/ssh
    echo 'Compression yes' >> /etc/ssh/ssh_config
}
