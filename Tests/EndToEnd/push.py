"""Pushing over a real server to a real gateway process: formats, rejections, counts, crashes in the middle, a rebuild."""
import http.server
import json
import pathlib
import shutil
import sys
import tempfile
import threading
import time
import urllib.parse

from engram import Engram, Report

report = Report()
check = report.check
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-push-"))
EXTRA = "ip_range_whitelist: ['127.0.0.1']\npush: {allow_http: true}\n"


class Gateway(http.server.ThreadingHTTPServer):
    """Takes down what it is told; push keys that begin with `reject` are rejected."""

    def __init__(self):
        self.told, self.lock = [], threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # A server that is killed closes its connections.

    def to(self, key):
        with self.lock:
            return [n for n in self.told if n["devices"][0]["pushkey"] == key]

    def events(self, key):
        return [n["event_id"] for n in self.to(key) if "event_id" in n]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.told.append(body["notification"])
        keys = [device["pushkey"] for device in body["notification"]["devices"]]
        answer = json.dumps({"rejected": [key for key in keys if key.startswith("reject")]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def until(condition, what):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if condition():
            return check(True, what)
        time.sleep(0.05)
    check(False, what)


def formats(gateway, room, alice, bob):
    def pusher(key, **data):
        bob.api("POST", "/pushers/set", {
            "kind": "http", "app_id": "app", "pushkey": key, "app_display_name": "A", "device_display_name": "D",
            "lang": "en", "append": True,
            "data": {"url": f"http://127.0.0.1:{gateway.server_port}/_matrix/push/v1/notify", **data}})
    pusher("full")
    pusher("ids", format="event_id_only")
    pusher("reject me")
    first = alice.send(room, "hello", "first")
    until(lambda: all(gateway.events(key) for key in ["full", "ids", "reject me"]), "a message is told to every pusher")
    full, ids = gateway.to("full")[0], gateway.to("ids")[0]
    check(full["content"]["body"] == "hello" and full["room_name"] == "Tea" and full["counts"] == {"unread": 1},
          "with its content, the room's name and the count")
    check(set(ids) == {"event_id", "room_id", "counts", "devices", "prio"}, "or by its id only")
    until(lambda: len(bob.api("GET", "/pushers")["pushers"]) == 2, "a rejected push key ends its pusher")
    bob.api("POST", f"/rooms/{urllib.parse.quote(room)}/receipt/m.read/{first}", {})
    until(lambda: any("event_id" not in n and n["counts"] == {"unread": 0} for n in gateway.to("full")),
          "what was read is told by number")
    return first


def main():
    gateway = Gateway()
    server = Engram(ROOT / "server", extra=EXTRA).start()
    try:
        alice, bob = server.register("alice"), server.register("bob")
        room = alice.create_room(name="Tea")
        bob.join(room)
        sent = [formats(gateway, room, alice, bob)]
        for crash in range(5):
            sent += [alice.send(room, f"{crash} {number}", f"{crash}.{number}") for number in range(20)]
            server.kill()
            server.start()
        for key in ["full", "ids"]:
            until(lambda key=key: set(gateway.events(key)) >= set(sent), f"five crashes lose nothing ({key})")
            repeated = len(gateway.events(key)) - len(sent)
            print(f"{len(sent)} messages, {repeated} told twice")
        sync = bob.api("GET", "/sync")["rooms"]["join"][room]["unread_notifications"]
        check(sync["notification_count"] == 100, "the count is what was sent since the receipt")
        server.stop()
        before = len(gateway.told)
        check("MISMATCH" not in server.run("rebuild", "--verify").stdout.upper(), "live equals rebuilt")
        server.run("rebuild")
        server.start()
        last = alice.send(room, "after the rebuild", "last")
        until(lambda: last in gateway.events("full") and last in gateway.events("ids"), "a rebuild ends nothing")
        check(len(gateway.told) == before + 2, "and repeats nothing")
    finally:
        server.stop()
        gateway.shutdown()
    shutil.rmtree(ROOT, ignore_errors=True)
    report.end()


if __name__ == "__main__":
    sys.exit(main())
