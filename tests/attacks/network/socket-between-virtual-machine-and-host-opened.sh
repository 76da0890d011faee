# rule: Socket between virtual machine and host opened
# where: host
# needs: perl
attack() {
    perl -e 'socket(S, 40, 1, 0)'
}
near_miss() {
    ln -s "$(command -v perl)" qemu-ga
    ./qemu-ga -e 'socket(S, 40, 1, 0)'
}
