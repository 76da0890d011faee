# rule: Known hosts read with a file tool
# where: host
attack() {
    mkdir -p /root/.ssh
    echo 'db.example.org ssh-ed25519 AAAA' > /root/.ssh/known_hosts
    cut -d ' ' -f 1 /root/.ssh/known_hosts > list
}
near_miss() {
    mkdir -p /root/.ssh
    echo 'db.example.org ssh-ed25519 AAAA' > /root/.ssh/known_hosts.txt
    cut -d ' ' -f 1 /root/.ssh/known_hosts.txt > list
}
