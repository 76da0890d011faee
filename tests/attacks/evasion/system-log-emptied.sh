# rule: System log emptied
# where: host
attack() {
    mkdir -p /var/log; echo line > /var/log/auth.log
    : > /var/log/auth.log
}
near_miss() {
    mkdir -p /var/log; echo line > /var/log/auth.log
    echo line >> /var/log/auth.log
}
