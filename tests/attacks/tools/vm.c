/* Memory of another process: `vm read PID` copies the beginning of its stack, `vm write
 * PID` puts the same bytes back. Ends with 1 when the kernel refuses. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

int main(int argc, char **argv) {
    char path[64], line[512], bytes[64];
    if (argc < 3) return 2;
    snprintf(path, sizeof path, "/proc/%s/maps", argv[2]);
    FILE *maps = fopen(path, "r");
    unsigned long begin = 0, end = 0;
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "[stack]")) sscanf(line, "%lx-%lx", &begin, &end);
    if (!end) return 1;
    struct iovec here = {bytes, sizeof bytes}, there = {(void *)(end - sizeof bytes), sizeof bytes};
    int pid = atoi(argv[2]);
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) < 0) return perror("read"), 1;
    if (!strcmp(argv[1], "write") && process_vm_writev(pid, &here, 1, &there, 1, 0) < 0)
        return perror("write"), 1;
    return 0;
}
