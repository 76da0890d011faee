# rule: Disk of the machine read past its file system
# where: host
# needs: debugfs mke2fs
attack() {
    # A disk in a file, under a name as disks have; nothing of the machine's is read.
    truncate -s 4M "$WORK/disk"
    mke2fs -q -F "$WORK/disk"
    touch /dev/sdz1
    mount --bind "$WORK/disk" /dev/sdz1
    debugfs -R 'stat <2>' /dev/sdz1 > /dev/null 2>&1
}
near_miss() {
    truncate -s 4M "$WORK/disk"
    mke2fs -q -F "$WORK/disk"
    debugfs -R 'stat <2>' "$WORK/disk" > /dev/null 2>&1
}
