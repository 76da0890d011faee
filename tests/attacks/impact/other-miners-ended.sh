# rule: Other miners ended
# where: host
attack() {
    cp /bin/true pkill
    ./pkill -9 -f kdevtmpfsi
}
near_miss() {
    cp /bin/true pkill
    ./pkill -HUP -f shop-worker
}
