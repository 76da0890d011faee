# rule: Static pod planted
# where: host
attack() {
    mkdir -p /etc/kubernetes/manifests
    echo 'kind: Pod' > /etc/kubernetes/manifests/metrics.yaml
}
near_miss() {
    mkdir -p /etc/kubernetes/manifests.old
    echo 'kind: Pod' > /etc/kubernetes/manifests.old/metrics.yaml
}
