# rule: Desktop start entry written
# where: host
attack() {
    mkdir -p /root/.config/autostart
    echo '[Desktop Entry]' > /root/.config/autostart/attack-story.desktop
}
near_miss() {
    mkdir -p /root/.local/share/applications
    echo '[Desktop Entry]' > /root/.local/share/applications/attack-story.desktop
}
