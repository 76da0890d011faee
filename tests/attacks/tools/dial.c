// Connects, lays the connection over descriptors, and becomes a program:
// dial ADDRESS PORT [DESCRIPTOR…] [-- PROGRAM ARGUMENT…]
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &there.sin_addr) != 1) return 2;
    if (connect(fd, (struct sockaddr *)&there, sizeof there)) return 1;
    int i = 3;
    for (; i < argc && strcmp(argv[i], "--"); i++)
        if (dup2(fd, atoi(argv[i])) < 0) return 1;
    if (i + 1 >= argc) return 0;
    execvp(argv[i + 1], argv + i + 1);
    return 127;
}
