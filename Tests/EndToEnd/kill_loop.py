#!/usr/bin/env python3
"""Kills the server again and again under load. No acknowledged event may be lost; digests must equal a rebuild.

usage: kill_loop.py [CYCLES]   (default 25; the long run of the release notes uses 200)
"""
import random
import sys
import tempfile
import threading
import time

from engram import Engram, HTTPFailure, Report, request


def load(server, user, room, name, acknowledged, stop, failures):
    index = 0
    while not stop.is_set():
        transaction = f"{name}-{index}"
        url = f"{server.url}/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}"
        try:
            status, answer = request(url, "PUT", {"msgtype": "m.text", "body": transaction}, user.token, timeout=10)
            if status == 200:
                acknowledged[transaction] = answer["event_id"]
                index += 1
            else:
                failures.append((status, answer))
        except OSError:
            time.sleep(0.01)
        except Exception:  # a connection that broke in mid-answer
            time.sleep(0.01)


def main():
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"seed {seed}, {cycles} cycles", flush=True)
    dice, report = random.Random(seed), Report()
    server = Engram(tempfile.mkdtemp(prefix="engram-kill-")).start()
    users = [server.register(f"u{i}") for i in range(4)]
    rooms = [users[0].create_room(name=f"r{i}") for i in range(2)]
    for user in users[1:]:
        for room in rooms:
            user.join(room)
    acknowledged, failures, stop = {}, [], threading.Event()
    threads = [threading.Thread(target=load, daemon=True,
                                args=(server, users[i], rooms[i % 2], f"t{i}", acknowledged, stop, failures))
               for i in range(4)]
    for thread in threads:
        thread.start()
    lost, wrong_digests, bad_logs = 0, 0, 0
    for cycle in range(cycles):
        time.sleep(dice.uniform(0.02, 0.4))
        server.kill()
        before = dict(acknowledged)
        verified = server.run("log", "verify", check=False)
        bad_logs += verified.returncode != 0
        compared = server.run("rebuild", "--verify", check=False)
        wrong_digests += compared.returncode != 0
        if verified.returncode or compared.returncode:
            print(verified.stdout, verified.stderr, compared.stdout, compared.stderr, flush=True)
        server.start()
        sample = dice.sample(sorted(before), min(20, len(before)))
        for transaction in sample:
            room = rooms[int(transaction[1:].split("-")[0]) % 2]
            try:
                event = users[0].api("GET", f"/rooms/{room}/event/{before[transaction]}")
                lost += event["content"].get("body") != transaction
            except HTTPFailure as failure:
                print("lost", transaction, failure, flush=True)
                lost += 1
        if cycle % 10 == 9:
            print(f"cycle {cycle + 1}: {len(acknowledged)} acknowledged", flush=True)
    stop.set()
    for thread in threads:
        thread.join(timeout=20)
    bodies = []
    for room in rooms:
        bodies += [e["content"]["body"] for e in users[0].all_messages(room) if e["type"] == "m.room.message"]
    missing = set(acknowledged) - set(bodies)
    report.check(len(acknowledged) > cycles, f"{len(acknowledged)} events were acknowledged over {cycles} kills")
    report.check(not missing and lost == 0, f"no acknowledged event is lost (missing {len(missing)})")
    report.check(len(bodies) == len(set(bodies)), "no event is there twice")
    report.check(bad_logs == 0, "the log verified after every kill")
    report.check(wrong_digests == 0, "digests equal a rebuild after every kill")
    report.check(not failures, f"no request failed while the server was up {failures[:2]}")
    server.stop()
    report.end()


if __name__ == "__main__":
    main()
