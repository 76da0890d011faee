# rule: Hidden program run from a temporary directory
# where: host
attack() {
    mkdir -p /tmp/.x
    cp /bin/true /tmp/.x/k
    /tmp/.x/k
}
near_miss() {
    mkdir -p /tmp/x
    cp /bin/true /tmp/x/k
    /tmp/x/k
}
