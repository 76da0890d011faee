# rule: Logging configuration changed
# where: host
attack() {
    mkdir -p /etc/audit/rules.d
    echo '-a never,exit' > /etc/audit/rules.d/00-attack-story.rules
}
near_miss() {
    mkdir -p /etc/logrotate.d
    echo '# nothing' > /etc/logrotate.d/attack-story
}
