"""Searching over a real server: at once after a write, through crashes, a lost index, an erasure, a rebuild and a restore."""
import json
import pathlib
import shutil
import sys
import tempfile
import time
import urllib.parse

from engram import Engram, HTTPFailure, Report, User, request

report = Report()
check = report.check
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-search-"))


def search(user, term, token=None, **more):
    body = {"search_categories": {"room_events": {"search_term": term, **more}}}
    query = {"next_batch": token} if token else {}
    return user.api("POST", "/search", body, **query)["search_categories"]["room_events"]


def ids(found):
    return [r["result"]["event_id"] for r in found["results"]]


def until_found(user, term, count):
    """While the index is built a search says so; then it finds everything."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            if search(user, term)["count"] == count:
                return True
        except HTTPFailure as failure:
            if failure.status != 503:
                raise
        time.sleep(0.05)
    return False


def gauge(server, name):
    _, text = request(server.url + "/metrics")
    return [float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " ")][0]


def verified(server):
    rows = json.loads(server.run("rebuild", "--verify", "--json", check=False).stdout)
    row = [r for r in rows if r["projection"] == "search"]
    return bool(row) and all(r["equal"] for r in rows)


def files_with(folder, needle):
    return [str(p) for p in pathlib.Path(folder).rglob("*") if p.is_file() and needle in p.read_bytes()]


def main():
    server = Engram(ROOT / "server").start()
    alice, bob = server.register("alice"), server.register("bob")
    room = alice.create_room(name="Tea room")
    bob.join(room)
    late = []
    for n in range(200):
        event = alice.send(room, f"word{n} common", f"t{n}")
        if ids(search(bob, f"word{n}")) != [event]:
            late.append(n)
    check(late == [], f"each of 200 messages is found by another user at once after its answer: {late}")
    check(search(bob, "common")["count"] == 200, "all of them have a word in common")
    pages, token = [], None
    while True:
        page = search(bob, "common", token, order_by="recent", filter={"limit": 30})
        pages += ids(page)
        token = page.get("next_batch")
        if not token:
            break
    check(len(pages) == 200 and len(set(pages)) == 200, "pages of 30 have each of them once")
    check(gauge(server, "engram_search_lag") == 0 and gauge(server, "engram_search_building") == 0, "metrics show no lag")
    check(verified(server), "the live index of the running server equals a rebuild")

    for n in range(200, 220):
        alice.send(room, f"word{n} common", f"t{n}")
    server.kill()
    server.start()
    check(until_found(bob, "common", 220), "after kill -9 nothing is missing")
    server.stop()
    check(verified(server), "after the crash the index equals a rebuild")
    shutil.rmtree(server.data / "search")
    server.start()
    check(until_found(bob, "common", 220), "a lost index is built in the background")
    server.stop()
    index = server.data / "search" / "index.sqlite"
    index.write_bytes(b"no database" * 1000)
    server.start()
    check(until_found(bob, "common", 220), "a broken index is built anew")

    secret = "q7".join("unforgettable")
    event = alice.send(room, f"a {secret} word", "secret")
    check(ids(search(bob, secret)) == [event], "the secret is found")
    server.run("log", "erase", event, "--reason", "asked for")
    check(search(bob, secret)["count"] == 0 and files_with(server.data, secret.encode()) == [],
          "what was erased is not found and is in no file")
    second = alice.send(room, f"another {secret} word", "secret2")
    check(ids(search(bob, secret)) == [second], "the second secret is found")
    server.stop()
    server.run("log", "erase", second, "--reason", "asked for")
    check(files_with(server.data, secret.encode()) == [], "so it is when it was erased without a server")
    check(verified(server), "after erasures the index equals a rebuild")

    backup = ROOT / "backup"
    server.run("backup", "create", "--to", str(backup))
    check(files_with(backup, b"SQLite format 3") == [], "the index is in no backup")
    server.start()
    alice.send(room, "futurepast common", "future")
    check(until_found(bob, "futurepast", 1), "something is said after the backup")
    server.stop()
    shutil.rmtree(server.data / "log")
    shutil.rmtree(server.data / "views")
    server.run("restore", "--from", str(backup))
    server.start()
    other = alice.send(room, "otherpast common", "other")
    check(until_found(bob, "otherpast", 1) and search(bob, "futurepast")["count"] == 0,
          "after a restore into the past the index has nothing of the other future")
    check(ids(search(bob, "otherpast")) == [other] and search(bob, "common")["count"] == 221, "and all of this one")
    server.stop()
    check(verified(server), "the restored server's index equals a rebuild")
    server.run("rebuild", "--projection", "search")
    check(verified(server), "rebuild --projection search builds the index")

    server.config.write_text(server.config.read_text() + "enable_search: false\n")
    server.start()
    try:
        search(bob, "common")
        refusal = None
    except HTTPFailure as failure:
        refusal = failure.status
    check(refusal == 400 and not (server.data / "search").exists(), "enable_search: false turns it off and removes the index")
    found = bob.api("POST", "/user_directory/search", {"search_term": "ali"})
    check([r["user_id"] for r in found["results"]] == [alice.id], "people are found still")
    server.stop()


try:
    main()
finally:
    if report.failed == 0 and sys.exc_info()[0] is None:
        shutil.rmtree(ROOT, ignore_errors=True)
report.end()
