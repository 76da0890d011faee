# rule: Secrets of the cluster printed
# where: host
attack() {
    ln -s /bin/true kubectl
    ./kubectl get secrets -A -o yaml
}
near_miss() {
    ln -s /bin/true kubectl
    ./kubectl get secrets -A
}
