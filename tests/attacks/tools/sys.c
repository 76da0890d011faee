/* System calls, one after the other, as the command line has them:
 *
 *     sys NUMBER ARGUMENT... [, NUMBER ARGUMENT...]
 *
 * An argument is a number; @N, N bytes of zeroes; %N, the result of call N, counted
 * from 0; or else text. The results are printed; ends with 0 whatever they are. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long results[16];

static long value(const char *word) {
    char *end;
    if (word[0] == '@') return (long)calloc(1, atol(word + 1) + 1);
    if (word[0] == '%') return results[atoi(word + 1) & 15];
    long number = (long)strtoull(word, &end, 0);
    return *word && !*end ? number : (long)word;
}

int main(int argc, char **argv) {
    int call = 0;
    for (int at = 1; at < argc && call < 16; call++) {
        long words[7] = {0};
        for (int word = 0; at < argc && strcmp(argv[at], ","); at++)
            if (word < 7) words[word++] = value(argv[at]);
        at++;
        results[call] = syscall(words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
        printf("%ld %s\n", results[call], results[call] < 0 ? strerror(errno) : "");
    }
    return 0;
}
