# rule: Credentials of the cluster read on a node
# where: host
# needs: perl
attack() {
    mkdir -p /etc/kubernetes
    echo key > /etc/kubernetes/admin.conf
    echo 'open(F, "<", "/etc/kubernetes/admin.conf") or die' > read.pl
    perl read.pl
}
near_miss() {
    mkdir -p /etc/kubernetes/pki
    echo certificate > /etc/kubernetes/pki/ca.crt
    echo 'open(F, "<", "/etc/kubernetes/pki/ca.crt") or die' > read.pl
    perl read.pl
}
