# rule: Packets read in a container
# where: container
# needs: perl
attack() {
    perl -e 'socket(S, 17, 3, 0x0300) or die'
}
near_miss() {
    perl -e 'socket(S, 2, 1, 0) or die'
}
