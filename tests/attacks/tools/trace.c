// Attaches to a child, or has a child ask to be traced: trace attach | traceme
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int attach = argc == 2 && !strcmp(argv[1], "attach");
    pid_t child = fork();
    if (child == 0) {
        if (attach) pause();
        _exit(ptrace(PTRACE_TRACEME, 0, 0, 0) != 0);
    }
    int status = 0;
    if (!attach) return waitpid(child, &status, 0) < 0 || status != 0;
    int failed = ptrace(PTRACE_ATTACH, child, 0, 0) != 0;
    if (!failed) waitpid(child, &status, 0);
    kill(child, SIGKILL);
    ptrace(PTRACE_DETACH, child, 0, 0);
    waitpid(child, &status, 0);
    return failed;
}
