/* What a synced commit costs on this disk: 8 KiB at the end of a file and a page near its beginning, then fdatasync.
 * Three ways for the end: the file grows with each write; its blocks are allocated ahead by fallocate; zeros are written ahead.
 * Build: cc -O2 -o extension extension.c      Run: extension FILE [COMMITS]      (FILE on the disk to measure; it is removed) */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define STEP (1 << 20)

enum way { GROWING, ALLOCATED, ZEROED };
static const char *names[] = {"growing", "fallocate ahead", "zeros ahead"};
static char zeros[STEP], pages[2 * PAGE];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double kernel(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_stime.tv_sec * 1e3 + (double)r.ru_stime.tv_usec / 1e3;
}

static int run(const char *path, enum way way, int commits) {
    unlink(path);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0) return 1;
    off_t next = 2 * PAGE, end = next;
    if (pwrite(fd, pages, 2 * PAGE, 0) < 0 || fsync(fd)) return 1;
    double started = now(), used = kernel();
    for (int i = 0; i < commits; i++) {
        if (way != GROWING && next + 3 * PAGE > end) {
            if (way == ZEROED ? pwrite(fd, zeros, STEP, end) != STEP : posix_fallocate(fd, end, STEP) != 0) return 1;
            end += STEP;
        }
        if (pwrite(fd, pages, 2 * PAGE, next) < 0 || pwrite(fd, pages, PAGE, (i & 1) * PAGE) < 0 || fdatasync(fd)) return 1;
        next += PAGE;
    }
    printf("%-16s %.3f ms a commit, %.3f ms of it the kernel's CPU time\n", names[way], (now() - started) / commits,
        (kernel() - used) / commits);
    close(fd);
    return unlink(path);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    int commits = argc > 2 ? atoi(argv[2]) : 2000;
    memset(pages, 7, sizeof pages);
    for (int round = 0; round < 2; round++)
        for (int way = GROWING; way <= ZEROED; way++)
            if (run(argv[1], (enum way)way, commits)) return 1;
    return 0;
}
