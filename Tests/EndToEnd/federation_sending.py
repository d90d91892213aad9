"""What a server tells others over TLS: events, messages to devices, through a crash; and whose keys it asks for."""
import pathlib
import shutil
import sys
import tempfile
import threading
import time

from engram import Report
from federation_world import SigningPeer, World

report = Report()
check = report.check
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-sending-"))


class Listener(SigningPeer):
    """A server that takes transactions, and can be away."""

    def __init__(self, world):
        self.transactions, self.is_away, self.attempts = [], False, 0
        self.mutex = threading.Lock()
        super().__init__(world)

    def handle(self, method, path, body, headers):
        if path.startswith("/_matrix/federation/v1/send/"):
            with self.mutex:
                self.attempts += 1
                if self.is_away:
                    return 502, {"errcode": "M_UNKNOWN", "error": "away"}
                self.transactions.append((path, body, headers.get("Authorization", "")))
            return 200, {"pdus": {}}
        user = f"@bob:{self.name}"
        device = {"user_id": user, "device_id": "D", "algorithms": [], "keys": {"ed25519:D": "k"}, "signatures": {}}
        if path == "/_matrix/federation/v1/user/keys/query":
            return 200, {"device_keys": {user: {"D": device}}}
        if path == "/_matrix/federation/v1/user/keys/claim":
            return 200, {"one_time_keys": {user: {"D": {"signed_curve25519:1": {"key": "one"}}}}}
        return super().handle(method, path, body, headers)

    def edus(self, kind):
        with self.mutex:
            return [edu["content"] for _, body, _ in self.transactions for edu in body.get("edus", [])
                    if edu["edu_type"] == kind]

    def pdus(self):
        with self.mutex:
            return [pdu for _, body, _ in self.transactions for pdu in body["pdus"]]


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def messages(one, alice, peer):
    bob = f"@bob:{peer.name}"

    def send(number):
        return alice.api("PUT", f"/sendToDevice/m.x/t{number}",
                         {"messages": {bob: {"*": {"n": number}}}})

    def told():
        return [edu["messages"][bob]["*"]["n"] for edu in peer.edus("m.direct_to_device")]

    send(1)
    check(until(lambda: told() == [1]), "a message to a device of another server is brought there")
    path, body, authorization = peer.transactions[0]
    check(body["origin"] == one.name and body["pdus"] == [] and authorization.startswith("X-Matrix"),
          "in a transaction that says whose it is")
    peer.is_away = True
    for number in range(2, 12):
        send(number)
    check(until(lambda: peer.attempts > 1), "a server that is away is tried")
    one.kill()
    peer.is_away = False
    one.start()
    check(until(lambda: set(told()) >= set(range(1, 12))), "after a crash nothing is lost")
    ids = {edu["message_id"] for edu in peer.edus("m.direct_to_device")}
    check(len(ids) == 11 and list(dict.fromkeys(told())) == list(range(1, 12)),
          "what comes again has the same id, and all comes in order")
    paths = [path for path, _, _ in peer.transactions]
    check(len(paths) == len(set(paths)), "no transaction's id is used twice")


def events(one, alice, peer):
    room = alice.create_room()
    user = f"@mallory:{peer.name}"
    alice.api("POST", f"/rooms/{room}/ban", {"user_id": user, "reason": "test"})
    check(until(lambda: any(pdu.get("state_key") == user for pdu in peer.pdus())),
          "the server of a banned user is told of the ban")
    pdu = next(pdu for pdu in peer.pdus() if pdu.get("state_key") == user)
    check(one.name in pdu["signatures"] and "event_id" not in pdu and pdu["content"]["membership"] == "ban",
          "with the event as it was signed")
    alice.send(room, "not for others", "m1")
    time.sleep(1)
    check(not any(pdu["type"] == "m.room.message" for pdu in peer.pdus()), "but of nothing in a room it is not in")


def keys(alice, peer):
    bob = f"@bob:{peer.name}"
    answer = alice.api("POST", "/keys/query",
                       {"device_keys": {bob: [], "@nobody:localhost:1": []}, "timeout": 5000})
    check(answer["device_keys"].get(bob, {}).get("D", {}).get("keys") == {"ed25519:D": "k"},
          "keys of another server's user are asked of that server")
    check(list(answer["failures"]) == ["localhost:1"], "who cannot be reached is named")
    answer = alice.api("POST", "/keys/claim", {"one_time_keys": {bob: {"D": "signed_curve25519"}}})
    check(answer["one_time_keys"] == {bob: {"D": {"signed_curve25519:1": {"key": "one"}}}},
          "and so are one-time keys")


def main():
    world = World(ROOT)
    one = world.server("one").start()
    peer = Listener(world)
    try:
        alice = one.register("alice")
        messages(one, alice, peer)
        events(one, alice, peer)
        keys(alice, peer)
    finally:
        one.stop()
        peer.stop()
    shutil.rmtree(ROOT, ignore_errors=True)
    report.end()


if __name__ == "__main__":
    sys.exit(main())
