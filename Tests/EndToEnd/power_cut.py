#!/usr/bin/env python3
"""Cuts the power under the server: un-synced writes are dropped or torn (tools/crash/crashshim.c), then it starts again.

Every event that was acknowledged must be there, the log must verify, and the projections must equal a rebuild.
The negative control runs the same with a disk that ignores syncs: there the same checks must find damage.

usage: power_cut.py [CUTS] [CONTROLS]   (default 6 and 6)
"""
import pathlib
import random
import subprocess
import sys
import tempfile
import threading

from engram import Engram, Report, request

SHIM_SOURCE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "crash" / "crashshim.c"


def send_until_dead(server, user, room, name, acknowledged):
    for index in range(100000):
        transaction = f"{name}-{index}"
        url = f"{server.url}/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}"
        try:
            status, answer = request(url, "PUT", {"msgtype": "m.text", "body": transaction}, user.token, timeout=10)
        except Exception:
            return
        if status != 200:
            return
        acknowledged[transaction] = answer["event_id"]


def one_cut(shim, dice, ignore_sync):
    """One life, one cut, one inspection. Returns what was found wrong (empty: nothing)."""
    server = Engram(tempfile.mkdtemp(prefix="engram-cut-"))
    base = {"LD_PRELOAD": shim, "CRASH_BOOT_ID": "first"}
    server.start(env=base)
    users = [server.register(f"u{i}") for i in range(4)]
    room = users[0].create_room(name="cut")
    for user in users[1:]:
        user.join(room)
    server.stop()
    extra = {"CRASH_AT": str(dice.randrange(20, 600)), "CRASH_SEED": str(dice.randrange(1 << 30))}
    if ignore_sync:
        extra["CRASH_IGNORE_SYNC"] = "1"
    acknowledged, problems = {}, []
    try:
        server.start(env={**base, **extra})
    except RuntimeError:
        pass  # the cut came during the start
    threads = [threading.Thread(target=send_until_dead, args=(server, user, room, user.id[1:3], acknowledged))
               for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if server.process.poll() is None:
        server.process.wait(timeout=20)
    if server.process.returncode != 137:
        problems.append(f"the server ended with {server.process.returncode}, not by the cut")
    if server.run("log", "verify", check=False).returncode != 0:
        problems.append("the log does not verify")
    try:
        server.start(env={"LD_PRELOAD": shim, "CRASH_BOOT_ID": "second"}, timeout=30)
        bodies = {e["content"].get("body"): e["event_id"] for e in users[0].all_messages(room)}
        lost = [t for t, event in acknowledged.items() if bodies.get(t) != event]
        if lost:
            problems.append(f"{len(lost)} of {len(acknowledged)} acknowledged events are lost")
        server.stop()
        if server.run("rebuild", "--verify", check=False).returncode != 0:
            problems.append("the projections differ from a rebuild")
    except Exception as error:
        problems.append(f"the server does not start or answer: {error}")
    finally:
        if server.process.poll() is None:
            server.kill()
    return problems, len(acknowledged)


def main():
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    controls = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    dice, report = random.Random(seed), Report()
    shim = tempfile.mkdtemp(prefix="engram-shim-") + "/crashshim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, str(SHIM_SOURCE), "-ldl", "-lpthread"], check=True)
    damaged, events = 0, 0
    for cut in range(cuts):
        problems, count = one_cut(shim, dice, ignore_sync=False)
        events += count
        damaged += bool(problems)
        if problems:
            print(f"cut {cut}: {problems}", flush=True)
    report.check(damaged == 0, f"{cuts} power cuts, {events} events acknowledged before them: nothing lost, nothing damaged")
    caught = 0
    for control in range(controls):
        problems, _ = one_cut(shim, dice, ignore_sync=True)
        caught += bool(problems)
        print(f"control {control}: {problems or 'not caught'}", flush=True)
    report.check(caught > 0, f"negative control: {caught} of {controls} cuts with syncs ignored were caught")
    report.end()


if __name__ == "__main__":
    main()
