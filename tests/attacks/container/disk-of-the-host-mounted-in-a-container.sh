# rule: Disk of the host mounted in a container
# where: container
# needs: perl
attack() {
    mkdir target
    perl -e 'syscall(165, $d = "/dev/sdz9", $t = "target", $f = "ext4", 1, $o = "")'
}
near_miss() {
    mkdir target
    perl -e 'syscall(165, $d = "tmpfs", $t = "target", $f = "tmpfs", 0, $o = "") == 0 or die'
}
