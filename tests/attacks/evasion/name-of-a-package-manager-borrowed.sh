# rule: Name of a package manager borrowed
# where: host
attack() {
    cp /bin/sh /root/apt
    /root/apt -c 'id > /dev/null; :'
}
near_miss() {
    mkdir -p /usr/local/bin && cp /bin/sh /usr/local/bin/apt
    /usr/local/bin/apt -c 'id > /dev/null; :'
}
