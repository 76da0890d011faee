# rule: Processor tuned as miners do
# where: host
attack() {
    sh -c ': >> /proc/sys/vm/nr_hugepages'
}
near_miss() {
    cat /proc/sys/vm/nr_hugepages > /dev/null
}
