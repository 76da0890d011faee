# rule: Secrets of the cluster printed
# where: host
attack() {
    cp /bin/true kubectl
    ./kubectl get secrets -A -o yaml
}
near_miss() {
    cp /bin/true kubectl
    ./kubectl get secrets -A
}
