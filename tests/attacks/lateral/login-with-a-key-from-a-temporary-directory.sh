# rule: Login with a key from a temporary directory
# where: host
attack() {
    ln -s /bin/true ssh
    ./ssh -i /dev/shm/k root@192.0.2.9
}
near_miss() {
    ln -s /bin/true ssh
    ./ssh -i /root/.ssh/deploy root@192.0.2.9
}
