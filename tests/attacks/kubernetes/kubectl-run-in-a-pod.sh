# rule: kubectl run in a pod
# where: container
attack() {
    ln -s /bin/true kubectl
    ./kubectl auth can-i --list
}
near_miss() {
    ln -s /bin/true which
    ./which kubectl
}
