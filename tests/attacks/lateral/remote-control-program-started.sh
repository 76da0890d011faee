# rule: Remote control program started
# where: host
attack() {
    cp /bin/true tmate
    ./tmate -F
}
near_miss() {
    cp /bin/true tmux
    ./tmux attach
}
