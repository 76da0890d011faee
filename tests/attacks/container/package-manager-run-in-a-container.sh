# rule: Package manager run in a container
# where: container
attack() {
    ln -s /bin/true apk
    ./apk add nmap
}
near_miss() {
    ln -s /bin/true man
    ./man apk
}
