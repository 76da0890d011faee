// Opens a file and, while the kernel is busy with it, writes another path over its own:
// flip OPENED SHOWN
// A lease on the file makes the open wait for its holder, so the moment is certain.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONGEST = 4096 };

// Holds the lease until somebody opens the file, and then writes over the path.
static int hold(const char *opened, const char *shown, char *path, int ready) {
    sigset_t asked;
    int signal = 0;
    int file = open(opened, O_RDWR | O_CLOEXEC);
    sigemptyset(&asked);
    sigaddset(&asked, SIGIO);
    sigprocmask(SIG_BLOCK, &asked, NULL);
    if (file < 0 || fcntl(file, F_SETLEASE, F_WRLCK)) return 1;
    if (write(ready, "", 1) != 1 || sigwait(&asked, &signal)) return 1;
    strcpy(path, shown);
    return fcntl(file, F_SETLEASE, F_UNLCK) != 0;
}

int main(int argc, char **argv) {
    int ready[2], status = 0;
    char byte;
    if (argc != 3 || strlen(argv[1]) >= LONGEST || strlen(argv[2]) >= LONGEST || pipe(ready)) return 2;
    char *path = mmap(NULL, LONGEST, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (path == MAP_FAILED) return 2;
    strcpy(path, argv[1]);
    pid_t holder = fork();
    if (holder == 0) _exit(hold(argv[1], argv[2], path, ready[1]));
    close(ready[1]);
    int opened = read(ready[0], &byte, 1) == 1 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    waitpid(holder, &status, 0);
    return opened < 0 || status != 0 || strcmp(path, argv[2]);
}
