# rule: Contact K8S API Server From Container
# where: container
# The name is asked of a name server on the loopback, which answers all with one
# address; every address leads to the loopback.
connect() {
    echo "nameserver 127.0.0.1" > /etc/resolv.conf
    "$TOOLS/nameserver" "$2" &
    "$TOOLS/listen" 443
    sleep 0.2
    bash -c ": < /dev/tcp/$1/443"
}
attack() {
    connect kubernetes.default.svc.cluster.local 198.51.100.10
}
near_miss() {
    connect registry.example.org 198.51.100.20
}
