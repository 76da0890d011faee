# rule: Rights policy written
# where: host
attack() {
    mkdir -p /etc/polkit-1/rules.d
    echo '// all' > /etc/polkit-1/rules.d/00-attack-story.rules
}
near_miss() {
    mkdir -p /etc/polkit-2
    echo '// all' > /etc/polkit-2/00-attack-story.rules
}
