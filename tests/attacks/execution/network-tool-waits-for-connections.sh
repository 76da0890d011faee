# rule: Network tool waits for connections
# where: host
# needs: perl
attack() {
    cp "$(command -v perl)" nc
    ./nc -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(4456, INADDR_LOOPBACK)); listen(S, 1)'
}
near_miss() {
    cp "$(command -v perl)" nc
    ./nc -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("s")); listen(S, 1)'
}
