# rule: Terminal shell in a container
# where: container
# needs: script setsid
attack() {
    ln -s /bin/sh runc
    script -qc './runc -c "sh -c :; :"' /dev/null > /dev/null
}
near_miss() {
    ln -s /bin/sh runc
    setsid ./runc -c 'sh -c :; :'
}
