# rule: Command sent to many machines
# where: host
attack() {
    cp /bin/true pdsh
    ./pdsh -w 'web[1-20]' id
}
near_miss() {
    cp /bin/true ansible-playbook
    ./ansible-playbook site.yaml
}
