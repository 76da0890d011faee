# rule: Connection to a usual port of mining pools
# where: host
# needs: perl
attack() {
    echo '
    use IO::Socket;
    my $l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 14444, Listen => 1, ReuseAddr => 1) or die;
    IO::Socket::INET->new(PeerAddr => "203.0.113.9", PeerPort => 14444) or die;
    ' > pool.pl
    perl pool.pl
}
near_miss() {
    echo '
    use IO::Socket;
    my $l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 8443, Listen => 1, ReuseAddr => 1) or die;
    IO::Socket::INET->new(PeerAddr => "203.0.113.9", PeerPort => 8443) or die;
    ' > pool.pl
    perl pool.pl
}
