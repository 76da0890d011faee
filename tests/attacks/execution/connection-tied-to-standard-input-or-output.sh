# rule: Connection tied to standard input or output
# where: host
# needs: perl
attack() {
    echo '
    use Socket;
    socket(my $l, PF_INET, SOCK_STREAM, 0); setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($l, sockaddr_in(4444, INADDR_LOOPBACK)) or die; listen($l, 1);
    socket(my $s, PF_INET, SOCK_STREAM, 0);
    connect($s, sockaddr_in(4444, INADDR_LOOPBACK)) or die;
    use POSIX ();
    POSIX::dup2(fileno($s), 0);
    POSIX::dup2(fileno($s), 1);
    ' > back.pl
    perl back.pl
}
near_miss() {
    echo '
    use Socket;
    socket(my $l, PF_INET, SOCK_STREAM, 0); setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($l, sockaddr_in(4444, INADDR_LOOPBACK)) or die; listen($l, 1);
    socket(my $s, PF_INET, SOCK_STREAM, 0);
    connect($s, sockaddr_in(4444, INADDR_LOOPBACK)) or die;
    use POSIX ();
    POSIX::dup2(fileno($s), 9);
    ' > client.pl
    perl client.pl
}
