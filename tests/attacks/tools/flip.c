// Opens a file many times while another thread writes the path anew: flip A B
// Until each path was opened under the other's name once, or the tries are used up.
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[256];
static const char *names[2];
static volatile int done;

static void *write_names(void *unused) {
    for (unsigned i = 0; !done; i++) memcpy(path, names[i & 1], strlen(names[i & 1]) + 1);
    return unused;
}

int main(int argc, char **argv) {
    pthread_t writer;
    struct stat wanted, opened;
    int changed = 0;
    if (argc != 3) return 2;
    names[0] = argv[1];
    names[1] = argv[2];
    if (stat(names[0], &wanted)) return 2;
    strcpy(path, names[0]);
    if (pthread_create(&writer, NULL, write_names, NULL)) return 2;
    for (int i = 0; i < 200000 && changed < 50; i++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        if (!fstat(fd, &opened) && opened.st_ino != wanted.st_ino && !strcmp(path, names[0])) changed++;
        close(fd);
    }
    done = 1;
    pthread_join(writer, NULL);
    return strcmp(names[0], names[1]) && changed == 0;
}
