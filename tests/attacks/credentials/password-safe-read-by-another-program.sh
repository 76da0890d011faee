# rule: Password safe read by another program
# where: host
attack() {
    mkdir -p /root/Documents && echo safe > /root/Documents/work.kdbx
    cp /root/Documents/work.kdbx "$WORK/w"
}
near_miss() {
    mkdir -p /root/Documents && echo notes > /root/Documents/work.odt
    cp /root/Documents/work.odt "$WORK/w"
}
