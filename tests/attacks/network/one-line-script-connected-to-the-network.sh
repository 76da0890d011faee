# rule: One-line script connected to the network
# where: host
# needs: perl
attack() {
    perl -MIO::Socket -e '$l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 2, ReuseAddr => 1) or die; open(R, ">", "ready"); close R; sleep 4' &
    while [ ! -e ready ]; do sleep 0.05; done
    perl -MIO::Socket -e 'IO::Socket::INET->new(PeerAddr => "192.0.2.7", PeerPort => 4444, Proto => "tcp") or die'
}
near_miss() {
    perl -MIO::Socket -e '$l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 2, ReuseAddr => 1) or die; open(R, ">", "ready"); close R; sleep 4' &
    while [ ! -e ready ]; do sleep 0.05; done
    echo 'IO::Socket::INET->new(PeerAddr => "192.0.2.7", PeerPort => 4444, Proto => "tcp") or die' > report.pl
    perl -MIO::Socket report.pl
}
