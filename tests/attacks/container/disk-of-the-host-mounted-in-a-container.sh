# rule: Disk of the host mounted in a container
# where: container
# needs: perl
attack() {
    mkdir target
    perl -e 'syscall(165, "/dev/sdz9", "target", "ext4", 1, "")'
}
near_miss() {
    mkdir target
    perl -e 'syscall(165, "tmpfs", "target", "tmpfs", 0, "") == 0 or die'
}
