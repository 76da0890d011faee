# rule: Process controlled from a container with the right to trace
# where: container
# needs: perl
attack() {
    sleep 5 &
    perl -e 'syscall(101, 0x4206, shift() + 0, 0, 0) == 0 or die' -- "$!"
    kill $! || :
}
near_miss() {
    perl -e 'fork or syscall(101, 0, 0, 0, 0) == 0 or die; wait'
}
