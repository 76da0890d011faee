# rule: Other miners ended
# where: host
attack() {
    ln -s /bin/true pkill
    ./pkill -9 -f kdevtmpfsi
}
near_miss() {
    ln -s /bin/true pkill
    ./pkill -HUP -f shop-worker
}
