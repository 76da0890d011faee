# rule: Clear Log Activities
attack() {
    echo line >> /var/log/syslog
    : > /var/log/syslog
}
near_miss() {
    echo line >> /var/log/syslog
}
