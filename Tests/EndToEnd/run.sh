#!/usr/bin/env bash
# Runs every end-to-end test against a built engram; each starts servers of its own on loopback.
#   run.sh PATH_TO_ENGRAM PYTHON        PYTHON has matrix-nio[e2e]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export ENGRAM_BIN=$1
python=${2:-python3}
failed=0
for test in bad_input bad_requests chat_through_a_crash operator_verbs media push turn search sliding_sync kill_loop power_cut encryption delayed_events server_notices federation federation_rooms federation_sending; do
    [ -f "$here/$test.py" ] || continue
    echo "== $test"
    if ! (cd "$here" && timeout 900 "$python" "$test.py"); then
        echo "== $test FAILED"
        failed=$((failed + 1))
    fi
done
if [ "$failed" -ne 0 ]; then
    echo "$failed end-to-end tests failed"
    exit 1
fi
echo "all end-to-end tests passed"
