# rule: Cluster API asked by hand in a pod
# where: container
attack() {
    ln -s /bin/true curl
    ./curl -sk https://kubernetes.default.svc/api/v1/secrets
}
near_miss() {
    ln -s /bin/true curl
    ./curl -s http://shop-cart:8080/healthz
}
