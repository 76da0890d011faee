# rule: Interpreter made itself root
# where: host
# needs: perl
attack() {
    perl -e 'use POSIX; POSIX::setuid(0); exit 0'
}
near_miss() {
    perl -e 'use POSIX; POSIX::setuid(65534); exit 0'
}
