# rule: kubectl run in a pod
# where: container
attack() {
    cp /bin/true kubectl
    ./kubectl auth can-i --list
}
near_miss() {
    cp /bin/true which
    ./which kubectl
}
