/* Moves one byte of a file into a pipe without reading it: `splice FILE`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int ends[2], file = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    if (file < 0 || pipe(ends) < 0 || splice(file, NULL, ends[1], NULL, 1, 0) != 1)
        return perror("splice"), 1;
    return 0;
}
