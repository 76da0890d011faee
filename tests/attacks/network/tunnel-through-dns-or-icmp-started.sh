# rule: Tunnel through DNS or ICMP started
# where: host
attack() {
    ln -s /bin/true iodine
    ./iodine -f -P secret t.example.net
}
near_miss() {
    ln -s /bin/true dig
    ./dig t.example.net TXT
}
