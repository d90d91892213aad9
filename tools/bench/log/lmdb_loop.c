/* The log's loop with nothing but LMDB: appends stored records in batches, one synced commit each.
 * Build: cc -O2 -o lmdb_loop lmdb_loop.c -llmdb      Run: lmdb_loop DIRECTORY BATCH RECORDS DUMP */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    uint64_t batch = strtoull(argv[2], NULL, 10), count = strtoull(argv[3], NULL, 10);
    FILE *dump = fopen(argv[4], "r");
    if (!dump) return 1;
    static MDB_val values[20000];
    uint64_t loaded = 0;
    uint32_t length;
    while (loaded < 20000 && fread(&length, 4, 1, dump) == 1) {
        values[loaded].mv_size = length;
        values[loaded].mv_data = malloc(length);
        if (fread(values[loaded].mv_data, 1, length, dump) != length) return 1;
        loaded++;
    }
    mkdir(argv[1], 0700);
    MDB_env *env;
    MDB_dbi table;
    MDB_txn *txn;
    mdb_env_create(&env);
    mdb_env_set_mapsize(env, (size_t)4 << 30);
    mdb_env_set_maxdbs(env, 16);
    if (mdb_env_open(env, argv[1], MDB_NOTLS, 0600)) return 1;
    mdb_txn_begin(env, NULL, 0, &txn);
    mdb_dbi_open(txn, "records", MDB_CREATE, &table);
    mdb_txn_commit(txn);
    double started = now();
    uint64_t position = 0;
    for (uint64_t i = 0; i < count / batch; i++) {
        mdb_txn_begin(env, NULL, 0, &txn);
        for (uint64_t j = 0; j < batch; j++) {
            uint64_t bytes = __builtin_bswap64(++position);
            MDB_val key = {8, &bytes}, value = values[position % loaded];
            if (mdb_put(txn, table, &key, &value, MDB_APPEND)) return 1;
        }
        if (mdb_txn_commit(txn)) return 1;
    }
    double seconds = now() - started;
    printf("%.0f records/s, %.0f us a batch of %lu\n", (double)position / seconds,
        seconds * 1e6 / (double)(count / batch), batch);
    return 0;
}
