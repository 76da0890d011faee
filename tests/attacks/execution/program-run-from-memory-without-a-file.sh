# rule: Program run from memory without a file
# where: host
# needs: perl
attack() {
    echo '
    my $name = "x";
    my $fd = syscall(319, $name, 0);
    open(my $in, "<", "/bin/true"); local $/; my $image = <$in>;
    open(my $out, ">&=", $fd); binmode $out; print $out $image; $out->flush;
    exec { "/proc/self/fd/$fd" } "x";
    ' > load.pl
    perl load.pl
}
near_miss() {
    echo '
    my $name = "x";
    my $fd = syscall(319, $name, 0);
    open(my $in, "<", "/bin/true"); local $/; my $image = <$in>;
    open(my $out, ">&=", $fd); binmode $out; print $out $image; $out->flush;
    exec { "/bin/true" } "x";
    ' > load.pl
    perl load.pl
}
