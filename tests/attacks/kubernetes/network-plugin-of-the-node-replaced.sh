# rule: Network plugin of the node replaced
# where: host
attack() {
    mkdir -p /opt/cni/bin
    cp /bin/true /opt/cni/bin/bridge
}
near_miss() {
    mkdir -p /opt/other/bin
    cp /bin/true /opt/other/bin/bridge
}
