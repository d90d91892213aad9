#!/usr/bin/env python3
"""Measures sliding sync on a release build of engram beside the same build's /sync, in one run.

usage: ENGRAM_BIN=…/engram sliding.py        ROOMS=1000 MESSAGES=5 TIMES=200

first   the first 20 rooms of a new connection, asked for as a phone asks
grow    the step from those to a window of all rooms
idle    a window of all rooms in which nothing happened
event   a window of all rooms after one message
"""
import http.client
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests" / "EndToEnd"))
from engram import Engram  # noqa: E402

ROOMS = int(os.environ.get("ROOMS", "1000"))
MESSAGES = int(os.environ.get("MESSAGES", "5"))
TIMES = int(os.environ.get("TIMES", "200"))
PATH = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
STATE = [["m.room.name", ""], ["m.room.encryption", ""], ["m.room.member", "$LAZY"], ["m.room.member", "$ME"],
         ["m.room.topic", ""], ["m.room.canonical_alias", ""], ["m.room.power_levels", ""], ["m.room.join_rules", ""],
         ["m.room.tombstone", ""], ["m.room.create", ""], ["m.room.history_visibility", ""],
         ["org.matrix.msc3401.call.member", "*"], ["m.space.parent", "*"], ["m.space.child", "*"]]
EXTENSIONS = {name: {"enabled": True} for name in ["account_data", "receipts", "typing", "to_device", "e2ee"]}


class Connection:
    def __init__(self, server, token):
        self.http, self.token = http.client.HTTPConnection("127.0.0.1", server.port), token

    def call(self, method, path, body=None):
        """Status 200 and the body, unparsed, so that parsing is not measured."""
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        self.http.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.http.getresponse()
        text = answer.read()
        assert answer.status == 200, text[:300]
        return text


def fill(server, alice, bob):
    def some(part):
        owner, guest = Connection(server, bob.token), Connection(server, alice.token)
        for number in range(part, ROOMS, 8):
            made = owner.call("POST", "/_matrix/client/v3/createRoom",
                              {"preset": "public_chat", "name": f"Room {number}", "topic": "What is said here"})
            room = urllib.parse.quote(json.loads(made)["room_id"])
            guest.call("POST", f"/_matrix/client/v3/join/{room}", {})
            for index in range(MESSAGES):
                owner.call("PUT", f"/_matrix/client/v3/rooms/{room}/send/m.room.message/{number}.{index}",
                           {"msgtype": "m.text", "body": "x" * 100})
            rooms[number] = room

    rooms = [None] * ROOMS
    threads = [threading.Thread(target=some, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rooms


def request(name, last, pos=None):
    body = {"conn_id": name, "extensions": EXTENSIONS, "lists": {"all_rooms": {
        "ranges": [[0, last]], "timeline_limit": 1, "required_state": STATE,
        "filters": {"not_room_types": ["m.space"]}}}}
    if pos:
        body["pos"] = pos
    return body


def timed(step):
    started = time.perf_counter()
    answer = step()
    return (time.perf_counter() - started) * 1000, answer


def p50(step, times=TIMES):
    return statistics.median(timed(step)[0] for _ in range(times))


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="engram-bench-sliding-"))
    server = Engram(root).start()
    alice, bob = server.register("alice"), server.register("bob")
    rooms = fill(server, alice, bob)
    phone, writer = Connection(server, alice.token), Connection(server, bob.token)
    query = urllib.parse.urlencode({"filter": json.dumps({"room": {"timeline": {"limit": 1}, "state": {
        "lazy_load_members": True}}})})
    floor = p50(lambda: phone.call("GET", "/_matrix/client/v3/account/whoami"))
    plain = p50(lambda: phone.call("GET", "/_matrix/client/v3/sync?" + query), max(5, TIMES // 20))

    first = p50(lambda: phone.call("POST", PATH, request("first", 19)))
    answer = json.loads(phone.call("POST", PATH, request("first", 19)))
    assert len(answer["rooms"]) == 20 and answer["lists"]["all_rooms"]["count"] == ROOMS, answer["lists"]
    grow, text = timed(lambda: phone.call("POST", PATH, request("first", ROOMS - 1, answer["pos"])))
    pos = json.loads(text)["pos"]

    idle, event = [], []
    for index in range(TIMES):
        took, text = timed(lambda: phone.call("POST", PATH, request("first", ROOMS - 1, pos)))
        idle.append(took)
        pos = json.loads(text)["pos"]
        writer.call("PUT", f"/_matrix/client/v3/rooms/{rooms[index % ROOMS]}/send/m.room.message/e{index}",
                    {"msgtype": "m.text", "body": "news"})
        took, text = timed(lambda: phone.call("POST", PATH, request("first", ROOMS - 1, pos)))
        event.append(took)
        answer = json.loads(text)
        pos = answer["pos"]
        assert len(answer["rooms"]) == 1, len(answer["rooms"])
    server.stop()
    shutil.rmtree(root, ignore_errors=True)
    idle, event = statistics.median(idle), statistics.median(event)
    print(f"{ROOMS} rooms; /account/whoami p50 {floor:.2f} ms, initial /sync p50 {plain:.1f} ms")
    print(f"first 20: p50 {first:.2f} ms, {first / plain:.3f} of the initial /sync; bar 10 ms: "
          f"{'met' if first < 10 else 'MISSED'}")
    print(f"grow to {ROOMS}: {grow:.1f} ms, {grow / plain:.2f} of the initial /sync")
    print(f"idle window of {ROOMS}: p50 {idle:.2f} ms; after one message: p50 {event:.2f} ms")


main()
