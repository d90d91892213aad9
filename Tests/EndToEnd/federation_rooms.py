"""A server that the test plays joins, reads and leaves rooms of an Engram over TLS, with events that it signs itself."""
import base64
import hashlib
import pathlib
import shutil
import sys
import tempfile
from urllib.parse import quote

from engram import Report
from federation_world import SigningPeer, World, canonical, unpadded

report = Report()
check = report.check
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-federation-rooms-"))
V1, V2 = "/_matrix/federation/v1", "/_matrix/federation/v2"
KEPT = ("auth_events", "depth", "event_id", "hashes", "origin_server_ts", "prev_events", "room_id", "sender",
        "signatures", "state_key", "type")


def redacted(event):
    """A membership event of room version 11 as a redaction leaves it."""
    content = {key: value for key, value in event["content"].items()
               if key in ("membership", "join_authorised_via_users_server")}
    return {**{key: value for key, value in event.items() if key in KEPT}, "content": content}


def signed_form(event):
    return canonical({key: value for key, value in redacted(event).items() if key not in ("signatures", "unsigned")})


def event_id(event):
    return "$" + base64.urlsafe_b64encode(hashlib.sha256(signed_form(event)).digest()).decode().rstrip("=")


def sign_event(peer, template):
    event = {key: value for key, value in template.items() if key not in ("signatures", "unsigned", "hashes")}
    event["origin"] = peer.name
    event["hashes"] = {"sha256": unpadded(hashlib.sha256(canonical(event)).digest())}
    signature = peer.sign({key: value for key, value in redacted(event).items()})["signatures"]
    return {**event, "signatures": signature}


def handshake(peer, server, room, user, membership):
    path = f"{V1}/make_{membership}/{quote(room)}/{quote(user)}" + ("?ver=11&ver=12" if membership != "leave" else "")
    status, made = peer.send(server, "GET", path)
    if status != 200:
        return status, made, None
    event = sign_event(peer, made["event"])
    prefix = V1 if membership == "knock" else V2
    status, answer = peer.send(
        server, "PUT", f"{prefix}/send_{membership}/{quote(room)}/{quote(event_id(event))}", event)
    return status, answer, event


def joining(world, one, peer, alice):
    room = alice.create_room(room_version="11", name="Square", room_alias_name="square")
    early = alice.send(room, "before anybody came", "t1")
    alias = quote(f"#square:{one.name}")
    status, found = peer.send(one, "GET", f"{V1}/query/directory?room_alias={alias}")
    check(status == 200 and found == {"room_id": room, "servers": [one.name]}, "an alias leads to a room")
    bob = f"@bob:{peer.name}"
    status, answer, event = handshake(peer, one, room, bob, "join")
    check(status == 200, "a user of another server joins" if status == 200 else f"no join: {answer}")
    types = {entry["type"] for entry in answer.get("state", [])}
    check({"m.room.create", "m.room.power_levels", "m.room.join_rules", "m.room.name"} <= types,
          "and is told the state before")
    check(event_id(answer["event"]) == event_id(event) and one.name in answer["event"]["signatures"],
          "the event comes back signed by both")
    members = alice.api("GET", f"/rooms/{quote(room)}/joined_members")["joined"]
    check(bob in members, "those who are there see who came")
    status, given = peer.send(one, "GET", f"{V1}/event/{quote(early)}")
    check(status == 200 and given["pdus"][0]["content"]["body"] == "before anybody came", "an event is given")
    late = alice.send(room, "welcome", "t2")
    status, page = peer.send(one, "GET", f"{V1}/backfill/{quote(room)}?v={quote(late)}&limit=3")
    bodies = [entry["content"].get("body", entry["type"]) for entry in page.get("pdus", [])]
    check(bodies == ["welcome", "m.room.member", "before anybody came"], f"the past is given backwards ({bodies})")
    status, ids = peer.send(one, "GET", f"{V1}/state_ids/{quote(room)}?event_id={quote(late)}")
    check(status == 200 and event_id(event) in ids["pdu_ids"], "the state at an event has the join")
    return room, event


def strangers(world, one, peer, alice, room, event):
    other = SigningPeer(world)
    try:
        status, answer = other.send(one, "GET", f"{V1}/state_ids/{quote(room)}?event_id={quote(event_id(event))}")
        check(status == 403 and answer["errcode"] == "M_FORBIDDEN", "a server that is not in the room is told nothing")
        alice.api("PUT", f"/rooms/{quote(room)}/state/m.room.server_acl/", {"allow": ["*"], "deny": ["localhost"]})
        status, answer, _ = handshake(other, one, room, f"@eve:{other.name}", "join")
        check(status == 403 and answer["errcode"] == "M_FORBIDDEN", "one that the access list denies does not come in")
        alice.api("PUT", f"/rooms/{quote(room)}/state/m.room.server_acl/", {"allow": ["*"], "deny": []})
        forged = sign_event(other, {**event, "origin_server_ts": event["origin_server_ts"] + 1})
        status, answer = peer.send(one, "PUT", f"{V2}/send_join/{quote(room)}/x", forged)
        check(status == 400 and answer["errcode"] == "M_INVALID_PARAM", "an event that somebody else signed is refused")
    finally:
        other.stop()


def leaving(world, one, peer, alice, room):
    bob = f"@bob:{peer.name}"
    status, answer, _ = handshake(peer, one, room, bob, "leave")
    check(status == 200 and answer == {}, "the user leaves")
    members = alice.api("GET", f"/rooms/{quote(room)}/joined_members")["joined"]
    check(bob not in members, "and is gone")
    alice.api("PUT", f"/rooms/{quote(room)}/state/m.room.join_rules/", {"join_rule": "knock"})
    status, answer, _ = handshake(peer, one, room, bob, "knock")
    types = [entry["type"] for entry in answer.get("knock_room_state", [])]
    check(status == 200 and types[:2] == ["m.room.create", "m.room.name"], f"the user knocks ({status} {types})")


def afterwards(world, one, peer, alice, room):
    """What was taken is durable, and the same when it is replayed and decided again."""
    one.kill()
    one.start()
    event = alice.api("GET", f"/rooms/{quote(room)}/state/m.room.member/{quote('@bob:' + peer.name)}")
    check(event["membership"] == "knock", "a crash loses nothing of it")
    one.stop()
    check(one.run("rebuild", "--verify", check=False).returncode == 0, "a rebuild makes the same tables")
    check(one.run("audit", check=False).returncode == 0, "and an audit decides the same")
    one.start()


def main():
    world = World(ROOT)
    one = world.server("one").start()
    peer = SigningPeer(world)
    try:
        alice = one.register_by_secret("alice")
        room, event = joining(world, one, peer, alice)
        strangers(world, one, peer, alice, room, event)
        leaving(world, one, peer, alice, room)
        afterwards(world, one, peer, alice, room)
    finally:
        one.stop()
        peer.stop()
    shutil.rmtree(ROOT, ignore_errors=True)
    report.end()


if __name__ == "__main__":
    sys.exit(main())
