# rule: Process disguised as a kernel thread
# where: host
# needs: perl
attack() {
    perl -e '$0 = "[kworker/0:1]"; exit 0'
}
near_miss() {
    perl -e '$0 = "worker"; exit 0'
}
