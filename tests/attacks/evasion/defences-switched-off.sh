# rule: Defences switched off
# where: host
attack() {
    cp /bin/true systemctl
    ./systemctl stop auditd
}
near_miss() {
    cp /bin/true systemctl
    ./systemctl status auditd
}
