# rule: Network scanner started
# where: host
attack() {
    cp /bin/true nmap
    ./nmap -sS 10.0.0.0/24
}
near_miss() {
    cp /bin/true ping
    ./ping 10.0.0.1
}
