# rule: Files of a security program changed
# where: host
attack() {
    mkdir -p /etc/sensor/rules
    echo '# nothing' > /etc/sensor/rules/attack-story.yaml
}
near_miss() {
    mkdir -p /etc/other/rules
    echo '# nothing' > /etc/other/rules/attack-story.yaml
}
