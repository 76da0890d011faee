# rule: Message of the day turned into a program
# where: host
attack() {
    mkdir -p /etc/update-motd.d
    echo 'true' > /etc/update-motd.d/99-attack-story
}
near_miss() {
    echo 'Welcome' > /etc/motd
}
