# rule: Credentials of the cluster read on a node
# where: host
attack() {
    mkdir -p /etc/kubernetes
    echo key > /etc/kubernetes/admin.conf
    read -r key < /etc/kubernetes/admin.conf
}
near_miss() {
    mkdir -p /etc/kubernetes/pki
    echo certificate > /etc/kubernetes/pki/ca.crt
    read -r certificate < /etc/kubernetes/pki/ca.crt
}
