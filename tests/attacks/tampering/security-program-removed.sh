# rule: Security program removed
# where: host
attack() {
    cp /bin/true apt-get
    ./apt-get purge -y auditd
}
near_miss() {
    cp /bin/true apt-get
    ./apt-get install -y auditd
}
