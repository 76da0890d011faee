# rule: Cloud metadata service contacted by hand
# where: host
# needs: perl
attack() {
    perl -MIO::Socket -e 'IO::Socket::INET->new(PeerAddr => "169.254.169.254", PeerPort => 80, Proto => "tcp", Timeout => 1)'
}
near_miss() {
    perl -MIO::Socket -e 'IO::Socket::INET->new(PeerAddr => "169.254.169.254", PeerPort => 53, Proto => "udp", Timeout => 1)'
}
