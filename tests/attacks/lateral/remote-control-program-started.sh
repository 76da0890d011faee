# rule: Remote control program started
# where: host
attack() {
    ln -s /bin/true tmate
    ./tmate -F
}
near_miss() {
    ln -s /bin/true tmux
    ./tmux attach
}
