# rule: Control groups mounted in a container
# where: container
# needs: perl
attack() {
    mkdir target
    perl -e 'syscall(165, "cgroup", "target", "cgroup", 0, "rdma")'
}
near_miss() {
    mkdir target
    perl -e 'syscall(165, "tmpfs", "target", "tmpfs", 0, "") == 0 or die'
}
