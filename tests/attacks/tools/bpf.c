/* Loads a BPF program that does nothing, and is gone with this process. */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    /* r0 = 0; exit */
    struct bpf_insn steps[] = {{.code = 0xb7}, {.code = 0x95}};
    union bpf_attr wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    wanted.insns = (unsigned long)steps;
    wanted.insn_cnt = 2;
    wanted.license = (unsigned long)"GPL";
    int program = syscall(SYS_bpf, BPF_PROG_LOAD, &wanted, sizeof wanted);
    if (program < 0) return perror("bpf"), 1;
    return 0;
}
