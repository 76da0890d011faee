// Gives the kernel a file as a module, which it refuses: load-module FILE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 2;
    // A file that is no module: success is what must not happen.
    return syscall(SYS_finit_module, fd, "", 0) == 0;
}
