# rule: Trusted certificate added
# where: host
attack() {
    mkdir -p /usr/local/share/ca-certificates
    echo cert > /usr/local/share/ca-certificates/attack-story.crt
}
near_miss() {
    mkdir -p /usr/local/share/doc
    echo cert > /usr/local/share/doc/attack-story.crt
}
