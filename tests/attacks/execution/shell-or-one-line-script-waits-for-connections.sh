# rule: Shell or one-line script waits for connections
# where: host
# needs: perl
attack() {
    perl -e 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(4455, INADDR_LOOPBACK)); listen(S, 1)'
}
near_miss() {
    echo 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(4455, INADDR_LOOPBACK)); listen(S, 1)' > server.pl
    perl server.pl
}
