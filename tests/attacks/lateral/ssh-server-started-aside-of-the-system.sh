# rule: SSH server started aside of the system
# where: host
attack() {
    ln -s /bin/true sshd
    ./sshd -p 2222 -o PermitRootLogin=yes
}
near_miss() {
    ln -s /bin/true sshd
    ./sshd -t
}
