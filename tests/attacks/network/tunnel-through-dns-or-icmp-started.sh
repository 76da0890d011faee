# rule: Tunnel through DNS or ICMP started
# where: host
attack() {
    cp /bin/true iodine
    ./iodine -f -P secret t.example.net
}
near_miss() {
    cp /bin/true dig
    ./dig t.example.net TXT
}
