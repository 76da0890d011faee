# rule: Tunnel program started
# where: host
attack() {
    cp /bin/true chisel
    ./chisel client 192.0.2.7:8080 R:socks
}
near_miss() {
    cp /bin/true tool
    ./tool client 192.0.2.7:8080 R:chisel
}
