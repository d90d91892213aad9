/* How long one synced LMDB commit of a 1 KB record takes on this disk: prints the median in microseconds.
 * Build: cc -O2 -o rawcommit rawcommit.c -llmdb      Run: rawcommit DIRECTORY [COMMITS] */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    int count = argc > 2 ? atoi(argv[2]) : 500;
    mkdir(argv[1], 0700);
    MDB_env *env;
    MDB_dbi dbi = 0;
    mdb_env_create(&env);
    mdb_env_set_mapsize(env, 1u << 30);
    if (mdb_env_open(env, argv[1], 0, 0600) != 0) return 1;
    unsigned char value[1024];
    double *took = calloc((size_t)count, sizeof *took);
    for (size_t i = 0; i < sizeof value; i++) value[i] = (unsigned char)(i * 31);
    for (int i = 0; i < count; i++) {
        struct timespec a, b;
        uint64_t key = __builtin_bswap64((uint64_t)i + 1);
        MDB_val k = {sizeof key, &key}, v = {sizeof value, value};
        MDB_txn *txn;
        clock_gettime(CLOCK_MONOTONIC, &a);
        mdb_txn_begin(env, NULL, 0, &txn);
        if (i == 0) mdb_dbi_open(txn, NULL, 0, &dbi);
        mdb_put(txn, dbi, &k, &v, MDB_APPEND);
        if (mdb_txn_commit(txn) != 0) return 1;
        clock_gettime(CLOCK_MONOTONIC, &b);
        took[i] = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
    }
    qsort(took, (size_t)count, sizeof *took, by_size);
    printf("%.1f\n", took[count / 2]);
    mdb_env_close(env);
    return 0;
}
