// Ends a process one of three ways: signal group|queue|descriptor PID
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    pid_t pid = atoi(argv[2]);
    if (!strcmp(argv[1], "group")) return kill(-pid, SIGKILL) != 0;
    if (!strcmp(argv[1], "queue")) return sigqueue(pid, SIGKILL, (union sigval){0}) != 0;
    int fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 || syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) != 0;
}
