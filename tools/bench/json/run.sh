#!/bin/sh
# Compiles the simdjson shim (Debian: libsimdjson-dev, g++) and runs the benchmark of canonical JSON beside it.
# Usage: run.sh JSON_BENCH DIRECTORY [ROUNDS]      (DIRECTORY for the compiled shim)
set -eu
bench=$1
directory=$2
here=$(dirname "$0")
mkdir -p "$directory"
c++ -std=c++17 -O3 -DNDEBUG -fPIC -shared "$here/simdjson_shim.cpp" -o "$directory/simdjson_shim.so" -lsimdjson
"$bench" "$directory/simdjson_shim.so" "${3:-9}"
