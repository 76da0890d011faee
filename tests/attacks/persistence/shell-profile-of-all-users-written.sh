# rule: Shell profile of all users written
# where: host
attack() {
    mkdir -p /etc/profile.d
    echo 'true' > "$WORK/u"
    mv "$WORK/u" /etc/profile.d/attack-story.sh
}
near_miss() {
    echo true > "$WORK/u"
    mv "$WORK/u" /etc/profile.example
}
