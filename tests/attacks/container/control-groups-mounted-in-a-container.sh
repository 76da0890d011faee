# rule: Control groups mounted in a container
# where: container
# needs: perl
attack() {
    mkdir target
    perl -e 'syscall(165, $d = "cgroup", $t = "target", $f = "cgroup", 0, $o = "rdma")'
}
near_miss() {
    mkdir target
    perl -e 'syscall(165, $d = "tmpfs", $t = "target", $f = "tmpfs", 0, $o = "") == 0 or die'
}
