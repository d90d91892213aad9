#!/bin/sh
# Compares the event log with a bare LMDB loop over the same stored bytes, taking turns, and prints the ratios.
# Usage: run.sh LOG_BENCH DIRECTORY [ROUNDS]      (DIRECTORY on the disk to measure)
set -eu
bench=$1
root=$2
rounds=${3:-7}
here=$(dirname "$0")
mkdir -p "$root"
cc -O2 -o "$root/lmdb_loop" "$here/lmdb_loop.c" -llmdb
# The best of the rounds: other work on the machine only ever makes a round slower.
best() { sort -n | tail -1 | awk '{ print $1 }'; }
for spec in "1 1000" "10 10000" "100 50000" "1000 150000"; do
    set -- $spec
    rm -rf "$root/log"
    "$bench" "$root/log" "$1" "$(($1 < 10 ? 2000 : 20000))" 1 "$root/stored" > /dev/null
    : > "$root/one"; : > "$root/two"; : > "$root/c"
    for round in $(seq "$rounds"); do
        rm -rf "$root/log"; "$bench" "$root/log" "$1" "$2" 1 >> "$root/one"
        rm -rf "$root/log"; "$root/lmdb_loop" "$root/log" "$1" "$2" "$root/stored" >> "$root/c"
        rm -rf "$root/log"; "$bench" "$root/log" "$1" "$2" 2 >> "$root/two"
    done
    one=$(best < "$root/one"); two=$(best < "$root/two"); c=$(best < "$root/c")
    awk -v n="$1" -v one="$one" -v two="$two" -v c="$c" 'BEGIN {
        printf "batch %4d: LMDB in C %7d/s, log %7d/s (%.2f), two batches under way %7d/s (%.2f)\n",
            n, c, one, one / c, two, two / c }'
done
rm -rf "$root/log"
