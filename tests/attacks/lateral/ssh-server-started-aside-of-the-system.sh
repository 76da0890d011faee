# rule: SSH server started aside of the system
# where: host
attack() {
    cp /bin/true sshd
    ./sshd -p 2222 -o PermitRootLogin=yes
}
near_miss() {
    cp /bin/true sshd
    ./sshd -t
}
