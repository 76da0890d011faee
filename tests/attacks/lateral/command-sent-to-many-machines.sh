# rule: Command sent to many machines
# where: host
attack() {
    ln -s /bin/true pdsh
    ./pdsh -w 'web[1-20]' id
}
near_miss() {
    ln -s /bin/true ansible-playbook
    ./ansible-playbook site.yaml
}
