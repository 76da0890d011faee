# rule: Linker configuration written
# where: host
attack() {
    echo /opt/x > /etc/ld.so.conf.d/00-attack-story.conf
}
near_miss() {
    echo /opt/x > /etc/attack-story.conf
}
