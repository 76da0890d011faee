# rule: Boot script written
# where: host
attack() {
    mkdir -p /etc/systemd/system-generators
    ln -s /bin/true /etc/systemd/system-generators/attack-story
}
near_miss() {
    ln -s /bin/true "$WORK/attack-story"
}
