# rule: Tool of the build replaced
# where: host
attack() {
    mkdir -p /usr/local/bin
    cp /bin/true /usr/local/bin/cc
}
near_miss() {
    mkdir -p /usr/local/bin
    cp /bin/true /usr/local/bin/shopctl
}
