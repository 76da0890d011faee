# rule: Account file written directly
# where: host
attack() {
    echo 'toor::0:0::/root:/bin/sh' >> /etc/passwd
}
near_miss() {
    cp /etc/passwd "$WORK/passwd"
    echo 'toor::0:0::/root:/bin/sh' >> "$WORK/passwd"
}
