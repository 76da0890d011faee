# rule: Other namespaces joined from a container
# where: container
# needs: perl
attack() {
    perl -e 'open(F, "<", "/proc/self/ns/uts") or die; syscall(308, fileno(F), 0) == 0 or die'
}
near_miss() {
    perl -e 'open(F, "<", "/proc/self/ns/uts") or die; syscall(308, fileno(F), 0x40000000) == 0 and die'
}
