#!/usr/bin/env python3
"""Bytes no client should send, and machines no server should run on: each gets a clear answer, and nothing is lost."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse

from engram import Engram, Report, request

report = Report()


def bodies(server, user, room):
    """Bodies and paths that must be refused with a 4xx and an errcode."""
    url = f"{server.url}/_matrix/client/v3/rooms/{room}/send/m.room.message/"
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    cases = {
        "not JSON": (b"hello", "M_NOT_JSON"),
        "empty": (b"", None),
        "cut off": (b'{"msgtype":', "M_NOT_JSON"),
        "an array": (b"[]", None),
        "too deep": (deep, None),
        "too large for an event": (json.dumps({"body": "x" * 70000}).encode(), "M_TOO_LARGE"),
        "an integer out of range": (b'{"n":9007199254740993}', None),
        "an enormous integer": (b'{"n":' + b"9" * 400 + b"}", None),
        "a float": (b'{"n":1.5}', None),
        "an exponent": (b'{"n":1e999}', None),
        "a lone surrogate": (b'{"body":"\\ud800"}', None),
        "invalid UTF-8": (b'{"body":"\xff\xfe"}', None),
        "a raw control character": (b'{"body":"\x01"}', None),
        "trailing bytes": (b"{} {}", "M_NOT_JSON"),
    }
    for index, (name, (raw, errcode)) in enumerate(cases.items()):
        status, answer = request(url + f"bad{index}", "PUT", raw=raw, token=user.token)
        ok = 400 <= status < 500 and isinstance(answer, dict) and answer.get("errcode", "").startswith("M_")
        ok = ok and (errcode is None or answer["errcode"] == errcode)
        report.check(ok, f"a body that is {name}: {status} {answer.get('errcode') if isinstance(answer, dict) else answer}")
    accepted = {"duplicate keys": b'{"body":"a","body":"b","msgtype":"m.text"}', "a NUL": b'{"body":"\\u0000","msgtype":"m.text"}'}
    for name, raw in accepted.items():
        status, answer = request(url + "accepted-" + name.replace(" ", "-"), "PUT", raw=raw, token=user.token)
        report.check(status in (200, 400), f"a body with {name}: {status}")
    long = urllib.parse.quote("!" + "x" * 300 + ":localhost")
    for path in (f"/rooms/{long}/state", "/profile/" + "@" + "x" * 300 + ":localhost", "/rooms/%00/state",
                 "/rooms/!x:localhost/state/%ff", "/directory/room/%23" + "y" * 300 + ":localhost",
                 "/sync?since=s999_5_0", "/sync?since=nonsense", "/sync?timeout=-5", "/sync?timeout=99999999999999999999",
                 f"/rooms/{room}/messages?dir=x", f"/rooms/{room}/messages?dir=b&limit=-1",
                 f"/rooms/{room}/messages?dir=b&from=garbage", "/sync?filter=%7Bbroken", "/user/@x:localhost/filter/9"):
        status, answer = request(server.url + "/_matrix/client/v3" + path, token=user.token)
        report.check(status < 500 and isinstance(answer, dict), f"GET {path[:50]}: {status}")
    status, answer = request(server.url + "/_matrix/client/v3/account/whoami", token="egm_wrong")
    report.check((status, answer.get("errcode")) == (401, "M_UNKNOWN_TOKEN"), "an unknown token")
    status, answer = request(server.url + "/_matrix/client/v3/account/whoami")
    report.check((status, answer.get("errcode")) == (401, "M_MISSING_TOKEN"), "no token")
    status, answer = request(server.url + "/_matrix/client/v3/nothing/here", token=user.token)
    report.check((status, answer.get("errcode")) == (404, "M_UNRECOGNIZED"), "an unknown endpoint")
    status, answer = request(server.url + "/_matrix/client/v3/account/whoami", "DELETE", token=user.token)
    report.check((status, answer.get("errcode")) == (405, "M_UNRECOGNIZED"), "an unknown method")


def raw_sockets(server):
    """Bytes that are hardly HTTP."""
    for name, data in {
        "noise": os.urandom(2000), "no version": b"GET / \r\n\r\n", "huge header": b"GET / HTTP/1.1\r\nA: " + b"x" * 200000,
        "negative length": b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "bad chunk": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    }.items():
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.settimeout(5)
            try:
                connection.sendall(data)
                connection.recv(4096)
            except OSError:
                pass
        report.check(request(server.url + "/health")[0] == 200, f"the server answers after {name}")


def start_fails(server, saying, what):
    """The server must refuse to start, in words that help."""
    server.start(wait=False)
    try:
        code = server.process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        server.kill()
        code = 0
    text = (server.directory / "server.log").read_text(errors="replace")[-3000:]
    found = any(word in text for word in saying)
    report.check(code not in (0, -4, -5, -6, -11) and found, f"{what}: exit {code}, says so: {found}")
    if not found:
        print(text)


def damaged(server, user, room):
    """A second server, a flipped byte, a cut file, a read-only folder, a future record."""
    second = Engram(server.directory.parent / "second")
    text = second.config.read_text().replace(str(second.data), str(server.data))
    second.config.write_text(text.replace(f"{second.directory}/signing.key", f"{server.directory}/signing.key"))
    start_fails(second, ["another engram", "already", "in use", "locked"], "a second server on the same data")
    server.stop()
    pristine = server.directory / "pristine"
    shutil.copytree(server.data, pristine)
    log = server.data / "log" / "data.mdb"
    bytes_ = bytearray(log.read_bytes())
    needle = server.run("log", "stats", "--json").stdout
    report.check(json.loads(needle) is not None, "log stats --json is JSON")
    # Flip one bit here and there: in a record, or in the structure around them. Never a crash, and records are named.
    named, located, crashed = 0, 0, []
    for at in range(8192, len(bytes_), max(1, len(bytes_) // 30)):
        damaged_bytes = bytearray(bytes_)
        damaged_bytes[at] ^= 1
        log.write_bytes(damaged_bytes)
        result = server.run("log", "verify", check=False)
        named += result.returncode == 1 and "record at position" in result.stdout
        located += result.returncode == 1 and "page" in result.stderr
        if result.returncode not in (0, 1):
            crashed.append((at, result.returncode))
    report.check(named > 0, f"log verify names the record of a flipped byte ({named} times, {located} times the page)")
    report.check(not crashed, f"no flipped byte makes log verify crash {crashed}")
    log.write_bytes(bytes_[: len(bytes_) // 2])
    start_fails(server, ["truncated", "damaged", "corrupt", "shorter", "restore"], "a log cut in half")
    shutil.rmtree(server.data)
    shutil.copytree(pristine, server.data)
    server.start()
    report.check(len(user.all_messages(room)) > 0, "the untouched copy serves again")


def full_disk(report):
    """A tmpfs fills up; the server says so, goes on, and takes writes again when there is room."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="engram-full-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(place)]).returncode != 0:
        print("SKIP a full disk: this user may not mount a tmpfs")
        return
    try:
        server = Engram(place / "hs").start()
        user = server.register("alice")
        room = user.create_room(name="full")
        ballast = place / "ballast"
        acknowledged, refused = [], None
        free = shutil.disk_usage(place).free
        with open(ballast, "wb") as file:
            file.write(b"x" * max(0, free - (2 << 20)))
        for index in range(4000):
            status, answer = request(
                f"{server.url}/_matrix/client/v3/rooms/{room}/send/m.room.message/f{index}", "PUT",
                {"msgtype": "m.text", "body": os.urandom(4000).hex()}, user.token)
            if status != 200:
                refused = (status, answer)
                break
            acknowledged.append(answer["event_id"])
        report.check(refused is not None and refused[0] >= 500 and "errcode" in refused[1],
                     f"a full disk refuses a send: {refused and (refused[0], refused[1].get('error'))}")
        report.check(server.process.poll() is None, "the server survives a full disk")
        ballast.unlink()
        for _ in range(10):
            status, answer = request(
                f"{server.url}/_matrix/client/v3/rooms/{room}/send/m.room.message/after", "PUT",
                {"msgtype": "m.text", "body": "room again"}, user.token)
            if status != 429:
                break
            time.sleep(answer["retry_after_ms"] / 1000)  # as a client does when it is asked to wait
        report.check(status == 200, f"it takes writes again when there is room: {status} {answer}")
        stored = {e["event_id"] for e in user.all_messages(room)}
        report.check(set(acknowledged) <= stored, "nothing acknowledged was lost to the full disk")
        server.stop()
        report.check(server.run("log", "verify", check=False).returncode == 0, "the log verifies after the full disk")
    finally:
        subprocess.run(["umount", "-l", str(place)])


def read_only(report):
    server = Engram(tempfile.mkdtemp(prefix="engram-ro-") + "/hs")
    server.config.write_text(server.config.read_text().replace(str(server.data), "/proc/engram-data"))
    start_fails(server, ["cannot", "Cannot", "permission", "read-only", "create", "not writable"], "a data directory that cannot be written")


def main():
    server = Engram(tempfile.mkdtemp(prefix="engram-bad-") + "/hs").start()
    user = server.register("alice")
    room = user.create_room(name="bad input")
    kept = [user.send(room, f"kept {i}", f"kept{i}") for i in range(20)]
    bodies(server, user, room)
    raw_sockets(server)
    stored = {e["event_id"] for e in user.all_messages(room)}
    report.check(set(kept) <= stored, "every acknowledged event is still there")
    damaged(server, user, room)
    server.stop()
    read_only(report)
    full_disk(report)
    report.end()


if __name__ == "__main__":
    main()
