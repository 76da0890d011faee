# rule: Audit or admission of the cluster changed
# where: host
attack() {
    mkdir -p /etc/kubernetes
    echo 'kind: Policy' > /etc/kubernetes/audit-policy.yaml
}
near_miss() {
    mkdir -p /etc/kubernetes
    echo 'hello' > /etc/kubernetes/notes.txt
}
