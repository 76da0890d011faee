# rule: Node entered through a debugging pod
# where: host
attack() {
    ln -s /bin/true kubectl
    ./kubectl debug node/worker-1 -it --image=busybox
}
near_miss() {
    ln -s /bin/true kubectl
    ./kubectl debug -it shop-6c9f --image=busybox --target=shop
}
