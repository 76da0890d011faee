# rule: Network tool waits for connections
# where: host
# needs: perl
attack() {
    ln -s "$(command -v perl)" nc
    echo 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(4456, INADDR_LOOPBACK)); listen(S, 1)' > listen.pl
    ./nc listen.pl
}
near_miss() {
    ln -s "$(command -v perl)" nc
    echo 'use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("s")); listen(S, 1)' > listen.pl
    ./nc listen.pl
}
