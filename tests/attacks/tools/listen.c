// Listens on a TCP port and goes on in the background, saying nothing to whoever comes: listen PORT
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    if (bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 16)) return 1;
    // The parent's end tells that the port is open.
    if (fork()) return 0;
    alarm(10);
    for (;;) close(accept(fd, NULL, NULL));
}
