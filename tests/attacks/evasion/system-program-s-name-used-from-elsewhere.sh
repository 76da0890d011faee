# rule: System program's name used from elsewhere
# where: host
attack() {
    mkdir -p /root/x && cp /bin/true /root/x/sshd
    /root/x/sshd -p 2222
}
near_miss() {
    mkdir -p /usr/local/sbin && cp /bin/true /usr/local/sbin/sshd
    /usr/local/sbin/sshd -p 2222
}
