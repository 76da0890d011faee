# rule: Addresses of the kernel read
# where: host
attack() {
    grep -m1 commit_creds /proc/kallsyms > /dev/null || true
}
near_miss() {
    grep -m1 ext4 /proc/modules > /dev/null || true
}
