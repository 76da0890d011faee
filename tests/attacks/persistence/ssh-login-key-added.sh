# rule: SSH login key added
# where: host
attack() {
    mkdir -p /root/.ssh
    echo 'ssh-ed25519 AAAA attack' >> /root/.ssh/authorized_keys
}
near_miss() {
    mkdir -p /root/.ssh
    echo 'example.org ssh-ed25519 AAAA' >> /root/.ssh/known_hosts
}
