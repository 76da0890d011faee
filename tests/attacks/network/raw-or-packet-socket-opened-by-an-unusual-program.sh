# rule: Raw or packet socket opened by an unusual program
# where: host
# needs: perl
attack() {
    perl -e 'socket(S, 2, 3, 1) or die'
}
near_miss() {
    ln -s "$(command -v perl)" fping
    ./fping -e 'socket(S, 2, 3, 1) or die'
}
