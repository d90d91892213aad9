#!/bin/sh
# Fuzzes one target with libFuzzer and AddressSanitizer, with bounds checks, and keeps what it finds.
# Usage: run.sh TARGET SECONDS [DIRECTORY]      (DIRECTORY for the build, the corpus and the findings)
# Targets: those of tools/fuzz/targets/FuzzTarget.swift. Seeds are in fixtures/fuzz/TARGET.
set -eu
target=$1
seconds=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
directory=${3:-$root/.build-fuzz}
mkdir -p "$directory/corpus/$target" "$directory/findings"
directory=$(cd "$directory" && pwd)
# A crash is libFuzzer's to report.
SWIFT_BACKTRACE=enable=no
export SWIFT_BACKTRACE
(
    flock 9
    cd "$root"
    ENGRAM_TARGETS=FuzzTargets swift build -c release --target FuzzTargets --scratch-path "$directory" \
        -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=address,fuzzer-no-link
    build=$directory/$(swift -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p')/release
    if [ "$0" -nt "$directory/fuzz" ] || [ -n "$(find "$build" -name '*.o' -newer "$directory/fuzz" 2>/dev/null | head -1)" ] \
        || [ ! -e "$directory/fuzz" ]; then
        # The driver reads the modules of everything that the targets import, and of the C libraries beneath.
        set --
        for map in $(find Sources "$directory/checkouts" "$build" -name module.modulemap ! -path '*/Tests/*' 2>/dev/null); do
            set -- "$@" -Xcc "-fmodule-map-file=$map"
        done
        for include in $(find Sources "$directory/checkouts" -type d -path '*/Sources/*/include' 2>/dev/null); do
            set -- "$@" -Xcc "-I$include"
        done
        # Some names of object files have spaces.
        find "$build" -path '*.build/*' -name '*.o' ! -path '*Tests*' ! -path '*Package*' -printf '"%p"\n' > "$directory/objects"
        swiftc -O -parse-as-library -swift-version 6 -package-name "$(basename "$root" | tr -c 'A-Za-z0-9_\n' _)" -sanitize=fuzzer,address \
            -use-ld=lld -I "$build/Modules" -Xcc -ISources/Spec/CSodium -Xcc -I/usr/include/libxml2 "$@" \
            tools/fuzz/driver/FuzzDriver.swift @"$directory/objects" \
            -lsodium -llmdb -lzstd -lcrypt -lxml2 -lresolv -lstdc++ -o "$directory/fuzz"
    fi
) 9> "$directory/lock" 1>&2
cd "$directory/findings"
ENGRAM_FUZZ_TARGET=$target ASAN_OPTIONS=detect_leaks=0 exec "$directory/fuzz" -max_total_time="$seconds" -max_len=4096 \
    -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$directory/findings/$target-" \
    -dict="$root/fixtures/fuzz/matrix.dict" "$directory/corpus/$target" "$root/fixtures/fuzz/$target"
