// Opens a socket of one kind and ends: open-socket packet | raw | stream | datagram
#include <arpa/inet.h>
#include <netpacket/packet.h>
#include <net/ethernet.h>
#include <string.h>

int main(int argc, char **argv) {
    const char *kind = argc == 2 ? argv[1] : "";
    int fd = -1;
    if (!strcmp(kind, "packet")) fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    if (!strcmp(kind, "raw")) fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (!strcmp(kind, "stream")) fd = socket(AF_INET, SOCK_STREAM, 0);
    if (!strcmp(kind, "datagram")) fd = socket(AF_INET, SOCK_DGRAM, 0);
    return fd < 0;
}
