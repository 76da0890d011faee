# rule: Terminal made for a shell without one
# where: host
# needs: perl
attack() {
    perl -e 'if (0) { require IO::Pty; IO::Pty->new } exit 0'
}
near_miss() {
    echo 'if (0) { require IO::Pty; IO::Pty->new } exit 0' > terminal.pl
    perl terminal.pl
}
