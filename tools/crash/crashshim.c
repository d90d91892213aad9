/* A disk that loses power: preload it under a server to test what the server calls durable.
 *
 * Method. Writes to files named data.mdb are performed, and what they overwrote is remembered until the file is synced.
 * At write number CRASH_AT the shim plays the power cut: of the sectors (512 bytes) written since the last sync it
 * puts a seeded part back to what they were - all, each by coin, or each write by coin - and ends the process at once.
 * Writes on an O_DSYNC descriptor (LMDB's meta page) count as durable when they return: the unfavourable order, in which
 * the page that points to the new tree survives and the tree may not.
 *
 * CRASH_AT=N            which write (default: never); CRASH_SEED=S the seed
 * CRASH_IGNORE_SYNC=1   the negative control: a sync returns at once and makes nothing durable
 * CRASH_BOOT_ID=TEXT    what /proc/sys/kernel/random/boot_id says, since a power cut means another boot
 *
 * Build: cc -shared -fPIC -O2 -o crashshim.so crashshim.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR 512

struct undo {
    struct undo *next; /* newest first */
    int fd;            /* our own duplicate, so that it outlives the caller's */
    dev_t device;
    ino_t inode;
    off_t offset;
    size_t length;
    unsigned char old[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct undo *undone;
static long written, crash_at = -1;
static uint64_t dice = 1;
static int ignore_sync;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_open)(const char *, int, ...);
static int (*real_open64)(const char *, int, ...);
static FILE *(*real_fopen)(const char *, const char *);
static FILE *(*real_fopen64)(const char *, const char *);

/* Looked up when they are needed: constructors of other libraries open files before ours runs. */
#define REAL(name) (real_##name ? real_##name : (real_##name = (__typeof__(real_##name))dlsym(RTLD_NEXT, #name)))

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("CRASH_AT");
    if (text) crash_at = atol(text);
    text = getenv("CRASH_SEED");
    if (text) dice = strtoull(text, NULL, 10) * 2654435761u + 88172645463325252ull;
    ignore_sync = getenv("CRASH_IGNORE_SYNC") != NULL;
}

static uint64_t roll(void) {
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice;
}

/* 1 when the descriptor is a data file whose writes need a sync, 2 when its writes are durable at once. */
static int watched(int fd) {
    char link[64], path[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 9) return 0;
    path[n] = 0;
    if (strcmp(path + n - 9, "/data.mdb") != 0) return 0;
    return fcntl(fd, F_GETFL) & O_DSYNC ? 2 : 1;
}

static void put_back(struct undo *u, size_t from, size_t length) {
    if (from >= u->length) return;
    if (from + length > u->length) length = u->length - from;
    REAL(pwrite)(u->fd, u->old + from, length, u->offset + (off_t)from);
}

/* Newest first, so that a sector put back ends at what was there before the oldest lost write to it. */
static void power_cut(void) {
    int manner = (int)(roll() % 3);
    uint64_t salt = roll();
    for (struct undo *u = undone; u; u = u->next) {
        if (manner == 0 || (manner == 1 && (roll() & 1))) {
            put_back(u, 0, u->length);
            continue;
        }
        if (manner != 2) continue;
        for (size_t from = 0; from < u->length; from += SECTOR) {
            uint64_t sector = (uint64_t)(u->offset + (off_t)from) / SECTOR;
            uint64_t coin = (sector ^ salt) * 0x9e3779b97f4a7c15ull; /* the same for every write to that sector */
            if (coin >> 63) put_back(u, from, SECTOR);
        }
    }
    static const char said[] = "crashshim: power cut\n";
    (void)!REAL(write)(2, said, sizeof said - 1);
    _exit(137);
}

/* LMDB's descriptor for meta pages is open for writing only. */
static void read_old(int fd, void *old, size_t length, off_t offset) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int readable = REAL(open)(link, O_RDONLY | O_CLOEXEC);
    if (readable < 0) return;
    (void)!pread(readable, old, length, offset);
    close(readable);
}

static void before(int fd, off_t offset, size_t length) {
    int kind = watched(fd);
    if (!kind) return;
    pthread_mutex_lock(&lock);
    if (crash_at >= 0 && ++written > crash_at) power_cut();
    if (kind == 1 || ignore_sync) {
        struct stat st;
        struct undo *u = calloc(1, sizeof *u + length);
        if (u && fstat(fd, &st) == 0) {
            u->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
            u->device = st.st_dev;
            u->inode = st.st_ino;
            u->offset = offset;
            u->length = length;
            read_old(fd, u->old, length, offset);
            u->next = undone;
            undone = u;
        }
    }
    pthread_mutex_unlock(&lock);
}

static size_t total(const struct iovec *v, int n) {
    size_t sum = 0;
    for (int i = 0; i < n; i++) sum += v[i].iov_len;
    return sum;
}

ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { before(fd, o, n); return REAL(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off_t o) { before(fd, o, n); return REAL(pwrite)(fd, b, n, o); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t o) { before(fd, o, total(v, n)); return REAL(pwritev)(fd, v, n, o); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off_t o) { before(fd, o, total(v, n)); return REAL(pwritev)(fd, v, n, o); }
ssize_t writev(int fd, const struct iovec *v, int n) { before(fd, lseek(fd, 0, SEEK_CUR), total(v, n)); return REAL(writev)(fd, v, n); }
ssize_t write(int fd, const void *b, size_t n) { before(fd, lseek(fd, 0, SEEK_CUR), n); return REAL(write)(fd, b, n); }

static void synced(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return;
    pthread_mutex_lock(&lock);
    struct undo **at = &undone;
    while (*at) {
        struct undo *u = *at;
        if (u->inode == st.st_ino && u->device == st.st_dev) {
            *at = u->next;
            close(u->fd);
            free(u);
        } else {
            at = &u->next;
        }
    }
    pthread_mutex_unlock(&lock);
}

int fdatasync(int fd) {
    if (ignore_sync && watched(fd)) return 0;
    int result = REAL(fdatasync)(fd);
    if (result == 0) synced(fd);
    return result;
}

int fsync(int fd) {
    if (ignore_sync && watched(fd)) return 0;
    int result = REAL(fsync)(fd);
    if (result == 0) synced(fd);
    return result;
}

static int boot_id(const char *path) {
    const char *text = getenv("CRASH_BOOT_ID");
    if (!text || strcmp(path, "/proc/sys/kernel/random/boot_id") != 0) return -1;
    int ends[2];
    if (pipe(ends) != 0) return -1;
    (void)!REAL(write)(ends[1], text, strlen(text));
    close(ends[1]);
    return ends[0];
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = (mode_t)va_arg(more, int);
    va_end(more);
    int fd = boot_id(path);
    return fd >= 0 ? fd : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = (mode_t)va_arg(more, int);
    va_end(more);
    int fd = boot_id(path);
    return fd >= 0 ? fd : REAL(open64)(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) {
    int fd = boot_id(path);
    return fd >= 0 ? fdopen(fd, "r") : REAL(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    int fd = boot_id(path);
    return fd >= 0 ? fdopen(fd, "r") : REAL(fopen64)(path, mode);
}
