# rule: Program run through a descriptor
# where: host
# needs: perl
attack() {
    cp /bin/true payload
    perl -e 'open(F, "<", "payload"); $^F = 100; open(G, "<&=", fileno(F)); unlink "payload"; use Fcntl; fcntl(F, F_SETFD, 0); exec { "/proc/self/fd/" . fileno(F) } "x"'
}
near_miss() {
    cp /bin/true payload
    perl -e 'exec { "./payload" } "x"'
}
