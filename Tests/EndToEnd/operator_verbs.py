#!/usr/bin/env python3
"""Every verb of the command line on a real server: accounts, the log, projections, inspection, backups, erasure."""
import ctypes
import ctypes.util
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import threading
import urllib.parse
import xml.dom.minidom

from engram import Engram, HTTPFailure, Report, User, request

report = Report()
CRASHES = (-4, -5, -6, -7, -8, -11, 132, 133, 134, 135, 136, 139)


def said(result):
    return (result.stdout + result.stderr).strip()


def login(server, name, password):
    body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": password}
    return request(server.url + "/_matrix/client/v3/login", "POST", body)


def refused(result, *words):
    """One clear sentence, an exit code that is no success, and no crash."""
    text = said(result)
    return result.returncode != 0 and result.returncode not in CRASHES and "Fatal error" not in text \
        and "Program crashed" not in text and all(word in text for word in words)


def accounts(server):
    for running in (True, False):
        how = "through the control socket" if running else "without a server"
        name = "carol" if running else "dave"
        if not running:
            server.stop()
        added = server.run("user", "add", name, "--password", "first word", check=False)
        report.check(added.returncode == 0 and f"@{name}:localhost" in added.stdout, f"user add {how}: {said(added)}")
        again = server.run("user", "add", name, "--password", "first word", check=False)
        report.check(refused(again), f"user add twice {how}: {said(again)}")
        changed = server.run("user", "passwd", name, "--password", "second word", check=False)
        report.check(changed.returncode == 0, f"user passwd {how}: {said(changed)}")
        if not running:
            server.start()
        report.check(login(server, name, "first word")[0] == 403, f"the old password no longer works, {how}")
        report.check(login(server, name, "second word")[0] == 200, f"the new password works, {how}")
        if not running:
            server.stop()
        gone = server.run("user", "deactivate", name, check=False)
        report.check(gone.returncode == 0, f"user deactivate {how}: {said(gone)}")
        listed = json.loads(server.run("user", "list", "--json").stdout)
        row = [r for r in listed if r["user_id"] == f"@{name}:localhost"]
        report.check(row and row[0]["deactivated"], f"user list shows the deactivated account, {how}")
        nobody = server.run("user", "passwd", "nobody", "--password", "second word", check=False)
        report.check(refused(nobody, "@nobody:localhost"), f"user passwd of nobody {how}: {said(nobody)}")
        if not running:
            server.start()
        report.check(login(server, name, "second word")[0] == 403, f"a deactivated account cannot log in, {how}")


def configuration(server):
    good = server.run("check-config", check=False)
    report.check(good.returncode == 0, f"check-config accepts a good file: {said(good)}")
    for what, old, new, words in (
            ("a port that is no number", f"port: {server.port}", "port: eighty", (":5", "port")),
            ("a switch that is no boolean", "enable_registration: true", "enable_registration: perhaps", ("enable_registration", "true")),
            ("a missing server_name", "server_name: localhost", "other_name: localhost", ("server_name",)),
            ("a contact whom nobody can reach", "enable_metrics: true", "support_contacts:\n  - {role: m.role.admin}",
             ("support_contacts[0].email_address", "matrix_id")),
            ("no YAML", "listeners:", "listeners: [", ())):
        bad = Engram(server.directory.parent / "bad-config")
        bad.config.write_text(server.config.read_text().replace(old, new))
        result = bad.run("check-config", check=False)
        report.check(refused(result, "homeserver.yaml", *words), f"check-config names {what}: {said(result)[:160]}")
    support = Engram(server.directory.parent / "support", extra="""\
support_page: https://example.org/help
support_contacts:
  - {role: m.role.admin, matrix_id: "@admin:example.org", email_address: admin@example.org}
  - {role: m.role.security, email_address: security@example.org}
""").start()
    answers = [request(one.url + "/.well-known/matrix/support") for one in (support, server)]
    support.stop()
    report.check(answers[0] == (200, {
        "contacts": [
            {"role": "m.role.admin", "matrix_id": "@admin:example.org", "email_address": "admin@example.org"},
            {"role": "m.role.security", "email_address": "security@example.org"}],
        "support_page": "https://example.org/help"}), f"whom to write to is answered as configured: {answers[0]}")
    report.check(answers[1][0] == 404 and answers[1][1]["errcode"] == "M_NOT_FOUND", f"or nothing: {answers[1]}")
    hashed = subprocess.run([server.binary, "hash-password"], input="correct horse\n", capture_output=True, text=True)
    report.check(hashed.stdout.startswith("$argon2id$"), "hash-password prints an argon2id hash")


def looking_at_the_log(server, room):
    stats = json.loads(server.run("log", "stats", "--json").stdout)
    head = stats["head"]
    report.check(head > 10 and sum(stats["kinds"].values()) == head, f"log stats counts {head} records")
    tail = server.run("log", "tail", "-n", "3").stdout.strip().splitlines()
    report.check(len(tail) == 3 and tail[-1].startswith(f"{head} "), "log tail ends at the head")
    shown = json.loads(server.run("log", "show", str(head), "--json").stdout)
    report.check(shown["position"] == head, "log show prints a record")
    report.check(refused(server.run("log", "show", "999999", check=False), str(head)), "log show past the head says where it is")
    report.check(server.run("log", "verify", check=False).returncode == 0, "log verify passes beside the running server")
    audit = server.run("audit", check=False)
    report.check(audit.returncode == 0, f"audit: {said(audit).splitlines()[-1]}")
    empty = Engram(server.directory.parent / "no-log")
    for verb in (("log", "tail"), ("log", "stats"), ("log", "verify"), ("log", "export"), ("audit",), ("rebuild",),
                 ("rebuild", "--verify"), ("inspect", "room", room), ("user", "list"),
                 ("backup", "create", "--to", str(empty.directory / "backup"))):
        result = empty.run(*verb, check=False)
        report.check(refused(result) and len(said(result).splitlines()) <= 3,
                     f"{' '.join(verb[:2])} without a log: exit {result.returncode}, {said(result)[:120]!r}")


def rows(server, room):
    """What a reader of the log must find again: ids, types, content, sender, time."""
    lines = server.run("log", "export", "--secrets", "--stream", room).stdout.splitlines()
    return [(e["event_id"], e["verdict"], e["pdu"]) for e in map(json.loads, lines) if "event_id" in e]


def round_trip(server, user, room):
    exported = server.run("log", "export", "--secrets").stdout
    file = server.directory / "export.jsonl"
    file.write_text(exported)
    other = copy_of(server, "imported")
    result = other.run("log", "import", str(file), check=False)
    report.check(result.returncode == 0, f"log import: {said(result)[-200:]}")
    twice = other.run("log", "import", str(file), check=False)
    report.check(refused(twice, "already"), f"a second import is refused: {said(twice)[:120]}")
    report.check(rows(other, room) == rows(server, room), "an imported log has the same events")
    other.start()
    elsewhere = User(other, {"user_id": user.id, "access_token": user.token})
    ours = [(e["event_id"], e["content"]) for e in user.all_messages(room)]
    theirs = [(e["event_id"], e["content"]) for e in elsewhere.all_messages(room)]
    report.check(ours == theirs, f"the imported server shows the same {len(ours)} events")
    report.check(other.run("rebuild", "--verify", check=False).returncode == 0, "its projections equal a rebuild")
    other.stop()


def copy_of(server, name):
    """Another server with the same name and key, and no data yet."""
    other = Engram(server.directory.parent / name)
    shutil.copy(server.directory / "signing.key", other.directory / "signing.key")
    return other


def rebuilding(server):
    live = server.run("rebuild", "--verify", check=False)
    report.check(live.returncode == 0, f"rebuild --verify while the server runs: {live.returncode}")
    refusal = server.run("rebuild", check=False)
    report.check(refused(refusal), f"rebuild while the server runs is refused: {said(refusal)[:140]}")
    server.stop()
    before = server.run("rebuild", "--verify").stdout
    for arguments in (("--projection", "timeline"), ()):
        done = server.run("rebuild", *arguments, check=False)
        report.check(done.returncode == 0 and done.stdout == before,
                     f"rebuild {' '.join(arguments) or 'of all'} has the digests of before")
    unknown = server.run("rebuild", "--projection", "nonsense", check=False)
    report.check(refused(unknown, "nonsense"), f"rebuild of an unknown projection: {said(unknown)[:120]}")
    server.start()


def inspecting(server, user, room):
    first = user.api("PUT", f"/rooms/{urllib.parse.quote(room)}/state/org.example.colour/", {"colour": "red"})["event_id"]
    then = json.loads(server.run("log", "stats", "--json").stdout)["head"]
    second = user.api("PUT", f"/rooms/{urllib.parse.quote(room)}/state/org.example.colour/", {"colour": "blue"})["event_id"]
    now = json.loads(server.run("log", "stats", "--json").stdout)["head"]
    event = json.loads(server.run("inspect", "event", first, "--json").stdout)
    report.check(event["pdu"]["content"] == {"colour": "red"}, "inspect event prints the event")
    report.check(room in server.run("inspect", "room", room).stdout, "inspect room")
    report.check(user.id in server.run("inspect", "user", user.id).stdout, "inspect user")

    def colour(*arguments):
        state = json.loads(server.run("inspect", "state", room, "--json", *arguments).stdout)
        return [e["content"]["colour"] for e in state if e["type"] == "org.example.colour"]

    report.check((colour(), colour("--at", str(then))) == (["blue"], ["red"]), "inspect state, now and --at a position")
    report.check(colour("--at", "1") == [], "inspect state --at before the room existed is empty")
    diff = json.loads(server.run("inspect", "diff", room, str(then), str(now), "--json").stdout)
    report.check([(d["before"]["event_id"], d["after"]["event_id"]) for d in diff] == [(first, second)], "inspect diff")
    why = server.run("inspect", "why", second, check=False)
    report.check(why.returncode == 0 and second in why.stdout and "rule" in why.stdout, "inspect why of an event")
    entry = server.run("inspect", "why", room, "--type", "org.example.colour", check=False)
    report.check(entry.returncode == 0 and second in entry.stdout, "inspect why of an entry of state")
    for verb, subject in (("auth-chain", second), ("dag", room)):
        drawing = server.directory / f"{verb}.svg"
        result = server.run("inspect", verb, subject, "--svg", str(drawing), check=False)
        root = xml.dom.minidom.parse(str(drawing)).documentElement if result.returncode == 0 else None
        report.check(root is not None and root.tagName == "svg" and len(root.getElementsByTagName("text")) > 4,
                     f"inspect {verb} draws valid SVG")
    for verb in (("event", "$nothing"), ("room", "!nothing:localhost"), ("user", "@nothing:localhost"),
                 ("why", "$nothing"), ("state", "nonsense"), ("auth-chain", "$nothing")):
        result = server.run("inspect", *verb, check=False)
        report.check(refused(result), f"inspect {' '.join(verb)}: {said(result).splitlines()[0][:100]}")


def backups(server, user, room):
    place = server.directory.parent / "backup"
    stop = threading.Event()

    def chatter():
        index = 0
        while not stop.is_set():
            user.send(room, f"during the backup {index}", f"load{index}")
            index += 1

    thread = threading.Thread(target=chatter)
    thread.start()
    taken = server.run("backup", "create", "--to", str(place), check=False)
    stop.set()
    thread.join()
    report.check(taken.returncode == 0, f"backup create under load: {said(taken)[-160:]}")
    for verb in ("verify", "list"):
        result = subprocess.run([server.binary, "backup", verb, "--from", str(place)], capture_output=True, text=True)
        report.check(result.returncode == 0, f"backup {verb}: {said(result).splitlines()[0]}")
    first = json.loads((place / "manifest.json").read_text())
    user.send(room, "after the first backup", "after1")
    server.run("backup", "create", "--to", str(place))
    second = json.loads((place / "manifest.json").read_text())
    report.check(second["segments"][: len(first["segments"])] == first["segments"]
                 and len(second["segments"]) == len(first["segments"]) + 1, "a second backup writes only what is new")
    bare = server.directory.parent / "bare-backup"
    server.run("backup", "create", "--to", str(bare), "--without-secrets")
    names = {p.name for p in bare.iterdir()}
    report.check(not names & {"signing.key", "homeserver.yaml"} and "manifest.json" in names, "--without-secrets keeps the key out")
    token = user.api("GET", "/sync")["next_batch"]
    position = second["segments"][-1]["last"]
    server.stop()
    digests = server.run("rebuild", "--verify").stdout
    quiet = server.directory.parent / "quiet-backup"
    server.run("backup", "create", "--to", str(quiet))
    restored = copy_of(server, "restored")
    result = restored.run("restore", "--from", str(quiet), check=False)
    report.check(result.returncode == 0, f"restore: {said(result)[-160:]}")
    report.check(refused(restored.run("restore", "--from", str(quiet), check=False), "already"), "nothing is restored over a log")
    report.check(rows(restored, room) == rows(server, room), "the restored log has the same events")
    report.check(restored.run("log", "verify", check=False).returncode == 0, "the restored log verifies")
    report.check(restored.run("rebuild").stdout == digests, "the digests of the restored server equal those of the source")
    restored.start()
    elsewhere = User(restored, {"user_id": user.id, "access_token": user.token})
    status, answer = request(restored.url + f"/_matrix/client/v3/sync?since={token}", token=user.token)
    clean = (status, answer.get("errcode")) == (400, "M_UNKNOWN_POS") or (status == 200 and room in answer["rooms"]["join"])
    report.check(clean, f"a token of the other epoch is refused or syncs afresh: {status} {answer.get('errcode', '')}")
    report.check(bool(elsewhere.send(room, "life goes on", "on1")), "the restored server takes messages")
    restored.stop()
    part = copy_of(server, "part")
    part.run("restore", "--from", str(place), "--to", str(position - 3))
    ids = [r[0] for r in rows(part, room)]
    report.check(ids == [r[0] for r in rows(server, room)][: len(ids)] and ids, "a restore up to a position has what came before it")
    segment = place / second["segments"][0]["file"]
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    damaged = subprocess.run([server.binary, "backup", "verify", "--from", str(place)], capture_output=True, text=True)
    report.check(refused(damaged, segment.name), f"backup verify names a damaged file: {said(damaged)[:120]}")
    nothing = copy_of(server, "nothing")
    refusal = nothing.run("restore", "--from", str(place), check=False)
    report.check(refused(refusal, segment.name) and not (nothing.data / "log" / "data.mdb").exists(), "a damaged backup is not restored")
    server.start()


def files_with(folder, needle):
    return [str(p.relative_to(folder)) for p in pathlib.Path(folder).rglob("*") if p.is_file() and needle in p.read_bytes()]


def erasing(server, user, room):
    """What a search of the raw bytes finds before, in the views and compressed in the log, it must not find after."""
    backup = server.directory.parent / "erasure-backup"
    dice = random.Random()
    # So long that most of the stored record is the text; one beyond what LMDB keeps inside a page, one within.
    marker = os.urandom(24).hex()
    raw = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(1200))
    member = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(500))
    event = user.send(room, f"{marker} {raw}", "secret")
    profile = user.api("PUT", f"/rooms/{urllib.parse.quote(room)}/state/m.room.member/{urllib.parse.quote(user.id)}",
                       {"membership": "join", "displayname": member})["event_id"]
    for index in range(30):
        user.send(room, f"others stay {index}", f"other{index}")
    server.run("backup", "create", "--to", str(backup))
    needles = {"the text in the views": marker.encode(), "characters beyond ASCII": raw.encode()[300:400],
               "a member's name": member.encode()[300:400]}
    stored = stored_pieces(server, backup, (event, profile))
    for what, needle in {**needles, **stored}.items():
        found = files_with(server.data, needle)
        report.check(found != [], f"before the erasure the files hold {what}: {found}")
    erased = server.run("log", "erase", event, profile, "--reason", "asked for by the person", check=False)
    report.check(erased.returncode == 0, f"log erase: {said(erased)}")

    def gone(when):
        for what, needle in {**needles, **stored}.items():
            found = files_with(server.data, needle)
            report.check(found == [], f"{when}, no file holds {what}: {found}")

    gone("after the erasure, live")
    verified = server.run("log", "verify", check=False)
    report.check(verified.returncode == 0 and "2 erased" in verified.stdout, f"the log verifies: {said(verified)}")
    shown = user.api("GET", f"/rooms/{urllib.parse.quote(room)}/event/{event}")
    report.check(shown["content"] == {}, "clients see the event without its content")
    report.check(server.run("rebuild", "--verify", check=False).returncode == 0, "the live projections equal a rebuild")
    report.check(server.run("audit", check=False).returncode == 0, "the audit passes")
    server.run("backup", "create", "--to", str(backup))
    held = [what for what, needle in stored.items() if any(needle in r for r in stored_records(backup).values())]
    report.check(held == [], f"the records of the updated backup do not hold it {held}")
    restored = copy_of(server, "erased-restored")
    restored.run("restore", "--from", str(backup))
    report.check(all(marker not in str(r) and raw not in str(r) and member not in str(r) for r in rows(restored, room)),
                 "the updated backup does not hold it")
    for what, needle in needles.items():
        report.check(files_with(restored.data, needle) == [], f"a server restored from it does not hold {what}")
    server.stop()
    gone("after a stop")
    server.run("rebuild")
    gone("after a rebuild")
    server.start()
    for index in range(20):
        user.send(room, f"afterwards {index}", f"afterwards{index}")
    gone("after more writes")
    unknown = server.run("log", "erase", "$nothing", "--reason", "a test", check=False)
    report.check(refused(unknown, "$nothing"), f"log erase of no event: {said(unknown)}")


def stored_records(backup):
    """Position to stored bytes of every record in a backup: what the log's file has, compressed as it is there."""
    zstd = ctypes.CDLL(ctypes.util.find_library("zstd"))
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    records = {}
    for segment in json.loads((backup / "manifest.json").read_text())["segments"]:
        data = (backup / segment["file"]).read_bytes()
        while data:
            plain_size, packed_size = struct.unpack(">II", data[:8])
            plain = ctypes.create_string_buffer(plain_size)
            if zstd.ZSTD_decompress(plain, plain_size, data[8:8 + packed_size], packed_size) != plain_size:
                raise ValueError(f"{segment['file']} cannot be decompressed")
            data, block = data[8 + packed_size:], plain.raw
            while block:
                position, length = struct.unpack(">QI", block[:12])
                records[position] = block[12:12 + length]
                block = block[12 + length:]
    return records


def stored_pieces(server, backup, events):
    """For each event pieces from the middle of its record, where the compressed text is."""
    records, pieces = stored_records(backup), {}
    for event in events:
        position = json.loads(server.run("inspect", "event", event, "--json").stdout)["position"]
        stored = records[position]
        for start in (len(stored) * 2 // 5, len(stored) // 2, len(stored) * 3 // 5):
            pieces[f"what the log stored of record {position} from its byte {start}"] = stored[start:start + 24]
    return pieces


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="engram-verbs-"))
    server = Engram(root / "hs").start()
    user = server.register("alice")
    room = user.create_room(name="verbs", topic="<&> \"quotes\"")
    bob = server.register("bob")
    bob.join(room)
    for index in range(20):
        user.send(room, f"message {index}", f"m{index}")
    only = os.environ.get("ONLY", "").split()
    steps = {
        "accounts": lambda: accounts(server), "configuration": lambda: configuration(server),
        "log": lambda: looking_at_the_log(server, room), "round_trip": lambda: round_trip(server, user, room),
        "rebuilding": lambda: rebuilding(server), "inspecting": lambda: inspecting(server, user, room),
        "backups": lambda: backups(server, user, room), "erasing": lambda: erasing(server, user, room),
    }
    for name, step in steps.items():
        if only and name not in only:
            continue
        try:
            step()
        except (HTTPFailure, RuntimeError, OSError, ValueError, KeyError, IndexError) as failure:
            report.check(False, f"{name} was cut short: {type(failure).__name__} {str(failure)[:300]}")
            if server.process.poll() is not None:
                server.start()
    server.stop()
    report.end()


if __name__ == "__main__":
    main()
