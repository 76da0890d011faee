# rule: SSH private key read
# where: host
attack() {
    mkdir -p /root/.ssh && echo key > /root/.ssh/id_ed25519
    cat /root/.ssh/id_ed25519 > /dev/null
}
near_miss() {
    mkdir -p /root/.ssh && echo key > /root/.ssh/id_ed25519.pub
    cat /root/.ssh/id_ed25519.pub > /dev/null
}
