# rule: Package manager run in a container
# where: container
attack() {
    cp /bin/true apk
    ./apk add nmap
}
near_miss() {
    cp /bin/true man
    ./man apk
}
