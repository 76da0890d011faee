# rule: File opened by handle in a container
# where: container
# needs: perl
attack() {
    perl -e 'open(D, "<", "/"); my $h = pack("Iia8", 8, 1, "\x02"); syscall(304, fileno(D), $h, 0)'
}
near_miss() {
    perl -e 'open(D, "<", "/") or die'
}
