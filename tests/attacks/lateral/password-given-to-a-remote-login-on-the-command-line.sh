# rule: Password given to a remote login on the command line
# where: host
attack() {
    ln -s /bin/true sshpass
    ./sshpass -p Winter2026 ssh root@192.0.2.9
}
near_miss() {
    ln -s /bin/true sshpass
    ./sshpass -f pw ssh root@192.0.2.9
}
