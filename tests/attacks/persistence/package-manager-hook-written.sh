# rule: Package manager hook written
# where: host
attack() {
    mkdir -p /etc/apt/apt.conf.d
    echo '// nothing' > /etc/apt/apt.conf.d/99attack-story
}
near_miss() {
    mkdir -p /etc/apt
    echo '# nothing' > /etc/apt/notes
}
