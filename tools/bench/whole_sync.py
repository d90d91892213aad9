#!/usr/bin/env python3
"""Measures the first /sync of a user in many rooms on running homeservers, the same requests at each; ratios to the last one.

usage: whole_sync.py NAME=URL=REGISTRATION_SECRET [NAME=URL=SECRET …]        ROOMS=1000 MESSAGES=2 TIMES=5

Each request has a filter of its own, so that no server answers from a cache of answers. The answer is checked after the clock
has stopped: every room must be in it.
"""
import json
import os
import statistics
import sys
import threading
import time
import urllib.parse

from encryption import Connection, register

ROOMS = int(os.environ.get("ROOMS", "1000"))
MESSAGES = int(os.environ.get("MESSAGES", "2"))
TIMES = int(os.environ.get("TIMES", "5"))


def fill(url, token, count, rooms):
    connection = Connection(url)
    for index in range(count):
        room = connection.call("POST", "/_matrix/client/v3/createRoom", token, {"name": f"room {index}", "topic": "t"})
        rooms.append(room["room_id"])
        place = f"/_matrix/client/v3/rooms/{urllib.parse.quote(room['room_id'])}/send/m.room.message"
        for number in range(MESSAGES):
            connection.call("PUT", f"{place}/{number}", token, {"msgtype": "m.text", "body": "x" * 100})


def measure(url, secret):
    token = register(url, secret, "s" + os.urandom(4).hex())["access_token"]
    rooms = []
    threads = [threading.Thread(target=fill, args=(url, token, ROOMS // 4, rooms)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection, took, size = Connection(url), [], 0
    for index in range(TIMES):
        chosen = urllib.parse.quote(json.dumps({"room": {"timeline": {"limit": 20 - index}}}))
        request = Connection.bytes("GET", f"/_matrix/client/v3/sync?timeout=0&filter={chosen}", token)
        started = time.perf_counter()
        connection.socket.sendall(request)
        body = connection.answer()[1]
        took.append((time.perf_counter() - started) * 1000)
        size = len(body)
        assert set(json.loads(body)["rooms"]["join"]) == set(rooms), "a room is missing"
    return statistics.median(took), size


def main():
    results = []
    for argument in sys.argv[1:]:
        name, url, secret = argument.split("=", 2)
        took, size = measure(url, secret)
        print(f"{name:10} {took:10.1f} ms for {ROOMS} rooms, {size} bytes", flush=True)
        results.append((name, took))
    for name, took in results[:-1]:
        print(f"{name} is {results[-1][1] / took:.1f} times {results[-1][0]}")


if __name__ == "__main__":
    main()
