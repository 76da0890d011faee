# rule: Program in a temporary directory connected to the network
# where: host
# needs: perl
attack() {
    perl -MIO::Socket -e '$l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 2, ReuseAddr => 1) or die; open(R, ">", "ready"); close R; sleep 4' &
    while [ ! -e ready ]; do sleep 0.05; done
    cp "$(command -v perl)" /tmp/kworkerds
    echo 'IO::Socket::INET->new(PeerAddr => "192.0.2.7", PeerPort => 4444, Proto => "tcp") or die' > call.pl
    /tmp/kworkerds -MIO::Socket call.pl
}
near_miss() {
    perl -MIO::Socket -e '$l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 2, ReuseAddr => 1) or die; open(R, ">", "ready"); close R; sleep 4' &
    while [ ! -e ready ]; do sleep 0.05; done
    cp "$(command -v perl)" /tmp/kworkerds
    echo 'IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => 4444, Proto => "tcp") or die' > call.pl
    /tmp/kworkerds -MIO::Socket call.pl
}
