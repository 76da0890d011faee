// Answers every question for an IPv4 address on 127.0.0.1:53 with one address: nameserver ADDRESS
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(53)};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&here, sizeof here)) return 1;
    alarm(10);
    for (;;) {
        unsigned char packet[512];
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        ssize_t size = recvfrom(fd, packet, 400, 0, (struct sockaddr *)&from, &length);
        if (size < 17) continue;
        // The end of the question: its name, then type and class.
        ssize_t end = 12;
        while (end < size && packet[end]) end += packet[end] + 1;
        end += 5;
        if (end > size) continue;
        int asks_for_ipv4 = packet[end - 4] == 0 && packet[end - 3] == 1;
        memcpy(packet + 2, (unsigned char[]){0x81, 0x80, 0, 1, 0, asks_for_ipv4, 0, 0, 0, 0}, 10);
        if (asks_for_ipv4) {
            // The name is the question's; an address of the internet, for a minute.
            memcpy(packet + end, (unsigned char[]){0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4}, 12);
            inet_pton(AF_INET, argv[1], packet + end + 12);
            end += 16;
        }
        sendto(fd, packet, end, 0, (struct sockaddr *)&from, length);
    }
}
