#!/usr/bin/env python3
"""Server notices from an administrator's request to a user's client, by way of a server that is killed in between."""
import concurrent.futures
import json
import pathlib
import shutil
import sys
import tempfile
import urllib.parse

from engram import Engram, HTTPFailure, Report

SETTINGS = """\
server_notices:
  system_mxid_localpart: notices
  system_mxid_display_name: Your server
  room_name: From your server
  room_topic: What it has to tell you
  auto_join: {auto_join}
"""
PATH = "/_synapse/admin/v1/send_server_notice"
SENDER = "@notices:localhost"
report = Report()
check = report.check
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-notices-"))


def notice(user, text, **more):
    content = {"msgtype": "m.server_notice", "body": text, "admin_contact": "mailto:admin@example.org",
               "server_notice_type": "m.server_notice.usage_limit_reached", "limit_type": "monthly_active_user"}
    return {"user_id": user.id, "content": content, **more}


def send(admin, user, text, transaction=None, **more):
    method, path = ("PUT", f"{PATH}/{transaction}") if transaction else ("POST", PATH)
    return admin.server.api(method, path, notice(user, text, **more), admin.token)["event_id"]


def refusal(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except HTTPFailure as failure:
        return failure.status, failure.body.get("errcode")
    return None


def rooms(answer, kind):
    return answer.get("rooms", {}).get(kind, {})


def place(room, rest=""):
    return f"/rooms/{urllib.parse.quote(room)}{rest}"


def told(user, room):
    """The notices in a room, oldest first."""
    return [event for event in user.all_messages(room)
            if event["type"] == "m.room.message" and event["content"].get("msgtype") == "m.server_notice"]


def restart(server):
    server.kill()
    server.start()


def invited(server, admin, bob):
    """"Servers should invite the target user rather than automatically join them to the server notice room.\""""
    since = bob.api("GET", "/sync")["next_batch"]
    first = send(admin, bob, "the first", "t1")
    sync = bob.api("GET", "/sync", since=since)
    check(len(rooms(sync, "invite")) == 1 and not rooms(sync, "join"), "the first notice invites to one room")
    room = next(iter(rooms(sync, "invite")))
    stripped = rooms(sync, "invite")[room]["invite_state"]["events"]
    check(any(e["type"] == "m.room.name" and e["content"]["name"] == "From your server" for e in stripped)
          and any(e["type"] == "m.room.member" and e["state_key"] == bob.id and e["sender"] == SENDER for e in stripped),
          "which says what it is and who invites")

    # "Attempting to reject the invite must result in a `M_CANNOT_LEAVE_SERVER_NOTICE_ROOM` error."
    member = place(room, f"/state/m.room.member/{urllib.parse.quote(bob.id)}")
    for what, method, path, body in (
            ("/leave", "POST", place(room, "/leave"), {}),
            ("/state", "PUT", member, {"membership": "leave"})):
        answer = refusal(bob.api, method, path, body)
        check(answer == (403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"), f"the invitation cannot be turned down by {what}: {answer}")
    for what, path, body in (("/kick", "/kick", {"user_id": bob.id}), ("/forget", "/forget", {})):
        answer = refusal(bob.api, "POST", place(room, path), body)
        check(answer and 400 <= answer[0] < 500, f"nor by {what}: {answer}")
    restart(server)
    answer = refusal(bob.api, "POST", place(room, "/leave"), {})
    check(answer == (403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"), "nor after a kill -9")
    check(list(rooms(bob.api("GET", "/sync"), "invite")) == [room], "the invitation is still there")
    check(send(admin, bob, "the first", "t1") == first, "the same transaction after the kill is the same notice")
    return since, room, first


def joined(admin, bob, since, room, first):
    bob.join(room)
    sync = bob.api("GET", "/sync", since=since)
    check(list(rooms(sync, "join")) == [room], "the room is joined as any other")
    # "Servers must identify this room to clients with the `m.server_notice` tag."
    tags = [e["content"]["tags"] for e in rooms(sync, "join")[room]["account_data"]["events"] if e["type"] == "m.tag"]
    check(len(tags) == 1 and "m.server_notice" in tags[0], f"an incremental sync brings it with its tag: {tags}")
    listed = bob.api("GET", f"/user/{urllib.parse.quote(bob.id)}{place(room, '/tags')}")["tags"]
    check("m.server_notice" in listed, "so does /tags")
    seen = [e for e in rooms(sync, "join")[room]["timeline"]["events"] if e["event_id"] == first]
    check(len(seen) == 1 and seen[0]["sender"] == SENDER and seen[0]["content"] == notice(bob, "the first")["content"],
          "the notice from before the join is read, with everything it says")
    answer = refusal(bob.send, room, "may I?", "answer")
    check(answer == (403, "M_FORBIDDEN"), "only the server speaks there")
    # "Active notices are represented by the pinned events in the server notices room."
    pin = {"user_id": bob.id, "type": "m.room.pinned_events", "state_key": "", "content": {"pinned": [first]}}
    admin.server.api("POST", PATH, pin, admin.token)
    check(bob.api("GET", place(room, "/state/m.room.pinned_events")) == {"pinned": [first]}, "the notice is pinned")


def one_room(server, admin, bob, room, first):
    """"Servers should manage exactly 1 server notices room per user.\""""
    expected = [first, send(admin, bob, "the second")]
    restart(server)
    expected.append(send(admin, bob, "the third"))
    sync = bob.api("GET", "/sync")
    check(list(rooms(sync, "join")) == [room] and not rooms(sync, "invite"), "after a kill -9 it is still the same room")
    check([e["event_id"] for e in told(bob, room)] == expected, "with every notice once, in their order")

    # "Servers should not prevent the user leaving the room after joining the server notices room".
    bob.api("POST", place(room, "/leave"), {})
    check(not rooms(bob.api("GET", "/sync"), "join"), "who has joined may leave")
    restart(server)
    expected.append(send(admin, bob, "the fourth"))
    sync = bob.api("GET", "/sync")
    check(list(rooms(sync, "invite")) == [room], "and is invited to the same room by the next notice")
    bob.join(room)
    check([e["event_id"] for e in told(bob, room)] == expected, "where all of them are")
    bob.api("POST", place(room, "/leave"), {})
    bob.api("POST", place(room, "/forget"), {})
    restart(server)
    expected.append(send(admin, bob, "the fifth"))
    sync = bob.api("GET", "/sync")
    check(len(rooms(sync, "invite")) == 1 and not rooms(sync, "join"), "who has forgotten it is invited to one room")


def at_once(server, admin, users):
    """Many first notices at a time make no room twice, and nothing that was answered is lost when the server dies."""
    numbers = [(user, n) for n in range(4) for user in users]
    with concurrent.futures.ThreadPoolExecutor(len(numbers)) as pool:
        sent = list(pool.map(lambda pair: (pair[0], send(admin, pair[0], f"at once {pair[1]}")), numbers))
    restart(server)
    for user in users:
        own = rooms(user.api("GET", "/sync"), "invite")
        check(len(own) == 1, f"{user.id} has one room after four notices at once")
        room = next(iter(own))
        user.join(room)
        check({e["event_id"] for e in told(user, room)} == {event for whom, event in sent if whom is user},
              f"{user.id} reads all four after a kill -9")


def main():
    server = Engram(ROOT / "server", extra=SETTINGS.format(auto_join="false")).start()
    admin = server.register_by_secret("admin", admin=True)
    bob, carol, dave, erin = (server.register(name) for name in ("bob", "carol", "dave", "erin"))
    check(refusal(send, bob, carol, "from a user") == (403, "M_FORBIDDEN"), "only administrators send notices")
    since, room, first = invited(server, admin, bob)
    joined(admin, bob, since, room, first)
    one_room(server, admin, bob, room, first)
    at_once(server, admin, [carol, dave])
    send(admin, erin, "in time")
    invitation = next(iter(rooms(erin.api("GET", "/sync"), "invite")))
    erin.api("POST", "/account/deactivate", {
        "auth": {"type": "m.login.password", "password": "correct horse",
                 "identifier": {"type": "m.id.user", "user": erin.id}}})
    check(refusal(send, admin, erin, "too late") == (404, "M_NOT_FOUND"), "nobody is told who is gone")
    state = json.loads(server.run("inspect", "state", invitation, "--json").stdout)
    memberships = {e["state_key"]: e["content"]["membership"] for e in state if e["type"] == "m.room.member"}
    check(memberships == {SENDER: "join", erin.id: "leave"}, f"nor is anyone invited any more who is gone: {memberships}")
    audit = server.run("audit", check=False)
    check(audit.returncode == 0, f"the log is sound: {(audit.stdout + audit.stderr).strip()[-200:]}")
    server.stop()

    automatic = Engram(ROOT / "automatic", extra=SETTINGS.format(auto_join="true")).start()
    admin, frank = automatic.register_by_secret("admin", admin=True), automatic.register("frank")
    event = send(admin, frank, "no questions asked")
    restart(automatic)
    sync = frank.api("GET", "/sync")
    check(len(rooms(sync, "join")) == 1 and not rooms(sync, "invite"), "auto_join: the room is there without an invitation")
    room = next(iter(rooms(sync, "join")))
    check([e["event_id"] for e in told(frank, room)] == [event], "with the notice")
    automatic.stop()


try:
    main()
finally:
    if report.failed == 0 and sys.exc_info()[0] is None:
        shutil.rmtree(ROOT, ignore_errors=True)
report.end()
