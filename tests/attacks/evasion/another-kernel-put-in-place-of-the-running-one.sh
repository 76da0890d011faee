# rule: Another kernel put in place of the running one
# where: host
# needs: cc
attack() {
    "$TOOLS/sys" 246 0 0 0 4294967295
}
near_miss() {
    cp /bin/sh kdump-config
    ./kdump-config -c '"$TOOLS/sys" 246 0 0 0 4294967295; true'
}
