#!/bin/sh
# Compares the HTTP front with a bare NIO HTTP/1 handler, and weighs idle long polls.
#
#   ENGRAM_BENCH=1 ENGRAM_TARGETS=HTTPFront,http-bench swift build -c release --product http-bench
#   tools/bench/http.sh <path of http-bench> [seconds] [rounds]
#
# Needs wrk and python3. The bar: the front at 0.6 of the bare handler's rate or more, and 16 KiB a long poll or less.
set -eu

program=$1
seconds=${2:-5}
rounds=${3:-3}
bare=18081
front=18082

ulimit -n 20000 2>/dev/null || true
"$program" $bare $front &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
sleep 1

rate() {
    wrk -t1 -c64 -d"${seconds}s" "http://127.0.0.1:$1$2" | awk '/Requests\/sec/ { print $2 }'
}

rate $bare / >/dev/null
rate $front /_matrix/client/versions >/dev/null
for round in $(seq "$rounds"); do
    b=$(rate $bare /)
    f=$(rate $front /_matrix/client/versions)
    p=$(rate $front /pooled)
    a=$(rate $front /async)
    echo "$round $b $f $p $a" | awk '{
        printf "round %d: bare %d/s, front %d/s (ratio %.2f), pooled %d/s, async %d/s\n", $1, $2, $3, $3 / $2, $4, $5
    }'
done
kill $server
wait $server 2>/dev/null || true

# A fresh process, so that what the load left behind does not count.
"$program" $bare $front &
server=$!
sleep 1
python3 - "$server" "$front" <<'EOF'
import resource, socket, sys, time

process, port, polls = sys.argv[1], int(sys.argv[2]), 5000
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))


def private_kib():
    with open(f"/proc/{process}/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))


def poll():
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(
        b"GET /hold?since=s1_2_3&timeout=30000 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\n"
        b"Authorization: Bearer syt_YWxpY2U_abcdefghijklmnopqrst_0a1b2c\r\nAccept: application/json\r\n\r\n")
    return client


held = [poll() for _ in range(100)]
time.sleep(1)
before = private_kib()
held += [poll() for _ in range(polls)]
time.sleep(3)
after = private_kib()
print(f"long polls: {(after - before) / polls:.1f} KiB of private memory each, {after / 1024:.0f} MiB in all")
EOF
