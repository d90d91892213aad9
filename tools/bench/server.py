#!/usr/bin/env python3
"""Measures a release build of engram against its own disk and itself, in one run; ratios first.

usage: ENGRAM_BIN=…/engram server.py [serial] [polls] [start] [disk]      (default: all)

serial  p50 of one client's sends, one after the other, beside raw synced LMDB commits of the same disk
polls   private memory of 5,000 idle long polls
start   time from exec to the first answer with 100,000 events in the log
"""
import asyncio
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests" / "EndToEnd"))
from engram import Engram, request  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def private_kib(pid):
    lines = open(f"/proc/{pid}/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon"))


def http_serial(server, user, room, count):
    """p50 in milliseconds over one kept-alive connection."""
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    body = '{"msgtype":"m.text","body":"' + "x" * 200 + '"}'
    took = []
    for index in range(count):
        started = time.perf_counter()
        connection.request("PUT", f"/_matrix/client/v3/rooms/{room}/send/m.room.message/s{index}", body,
                           {"Authorization": "Bearer " + user.token, "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        took.append((time.perf_counter() - started) * 1e3)
    return statistics.median(took)


def serial(directory):
    probe = directory / "rawcommit"
    subprocess.run(["cc", "-O2", "-o", str(probe), str(HERE / "rawcommit.c"), "-llmdb"], check=True)
    server = Engram(directory / "serial").start()
    user = server.register("alice")
    room = user.create_room()
    rounds = []
    for attempt in range(3):
        raw = float(subprocess.run([str(probe), str(directory / f"raw{attempt}")], capture_output=True, text=True).stdout) / 1e3
        rounds.append((http_serial(server, user, room + "", 300) if attempt == 0 else
                       http_serial(server, user, user.create_room(), 300), raw))
    server.stop()
    send, raw = statistics.median(r[0] for r in rounds), statistics.median(r[1] for r in rounds)
    print(f"serial: send p50 {send:.2f} ms, raw commit p50 {raw:.3f} ms; bar 4 x raw + 1 ms = {4 * raw + 1:.2f} ms: "
          f"{'met' if send <= 4 * raw + 1 else 'MISSED'}", flush=True)


async def hold_polls(server, user, count):
    since = user.api("GET", "/sync")["next_batch"]
    before = private_kib(server.process.pid)
    text = (f"GET /_matrix/client/v3/sync?since={since}&timeout=60000 HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {user.token}\r\n\r\n").encode()
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(text)
        writers.append(writer)
    await asyncio.sleep(8)
    after = private_kib(server.process.pid)
    for writer in writers:
        writer.close()
    return before, after


def polls(directory, count=5000):
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    server = Engram(directory / "polls").start()
    user = server.register("alice")
    user.create_room()
    before, after = asyncio.run(hold_polls(server, user, count))
    server.stop()
    each = (after - before) / count
    print(f"polls: {before} KiB before, {after} KiB with {count} idle long polls: {each:.1f} KiB each; bar 16: "
          f"{'met' if each <= 16 else 'MISSED'}", flush=True)


def start(directory, events=100_000):
    server = Engram(directory / "start").start()
    users = [server.register(f"u{i}") for i in range(8)]
    rooms = [user.create_room() for user in users]
    lua = directory / "send.lua"
    tokens = ",".join(f'"{u.token}"' for u in users)
    names = ",".join('"%s"' % r.replace("!", "%21").replace(":", "%3A") for r in rooms)
    rounds = 0
    head = 0
    while head < events:
        rounds += 1
        # Another tag each round, so that no transaction id comes twice.
        lua.write_text(f"""
local tokens, rooms, n = {{ {tokens} }}, {{ {names} }}, 0
request = function()
  n = n + 1
  local k = n % #tokens + 1
  return wrk.format("PUT", "/_matrix/client/v3/rooms/" .. rooms[k] .. "/send/m.room.message/r{rounds}x" .. n,
    {{ Authorization = "Bearer " .. tokens[k] }}, '{{"msgtype":"m.text","body":"' .. string.rep("x", 200) .. '"}}')
end""")
        subprocess.run(["wrk", "-t1", "-c32", "-d5s", "-s", str(lua), server.url], capture_output=True)
        head = json.loads(server.run("log", "stats", "--json").stdout)["head"]
    server.stop()
    took = []
    for _ in range(5):
        started = time.perf_counter()
        server.start(wait=False)
        while True:
            try:
                if request(server.url + "/_matrix/client/versions", timeout=1)[0] == 200:
                    break
            except OSError:
                time.sleep(0.001)
        took.append((time.perf_counter() - started) * 1e3)
        server.stop()
    stats = server.run("log", "stats", "--json").stdout.strip()
    p50 = statistics.median(took)
    print(f"start: {p50:.0f} ms to the first answer with {head} records; bar 300: {'met' if p50 < 300 else 'MISSED'}")
    print(f"disk: {stats}", flush=True)


def main():
    wanted = sys.argv[1:] or ["serial", "polls", "start"]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="engram-bench-"))
    try:
        for name in wanted:
            {"serial": serial, "polls": polls, "start": start}[name](directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
