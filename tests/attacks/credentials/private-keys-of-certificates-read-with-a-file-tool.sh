# rule: Private keys of certificates read with a file tool
# where: host
attack() {
    mkdir -p /etc/kubernetes/pki && echo key > /etc/kubernetes/pki/ca.key
    base64 /etc/kubernetes/pki/ca.key > /dev/null
}
near_miss() {
    mkdir -p /etc/kubernetes/pki && echo key > /etc/kubernetes/pki/ca.crt
    base64 /etc/kubernetes/pki/ca.crt > /dev/null
}
