// Runs a program by a descriptor of its file, or of a copy in memory: exec-descriptor file | memory PROGRAM
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about)) return 1;
    if (!strcmp(argv[1], "memory")) {
        int memory = memfd_create("program", MFD_CLOEXEC);
        if (sendfile(memory, fd, NULL, about.st_size) != about.st_size) return 1;
        fd = memory;
    }
    fexecve(fd, argv + 2, (char *[]){NULL});
    return 127;
}
