# rule: Login with a key from a temporary directory
# where: host
# needs: ssh
attack() {
    ssh -o BatchMode=yes -i /dev/shm/k root@192.0.2.9 2> /dev/null || :
}
near_miss() {
    ssh -o BatchMode=yes -i /root/.ssh/deploy root@192.0.2.9 2> /dev/null || :
}
