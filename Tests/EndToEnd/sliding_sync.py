"""Sliding sync over a real server: windows, a phone's way of asking, crashes, positions that are not known any more."""
import pathlib
import shutil
import tempfile
import threading
import urllib.parse

from engram import Engram, HTTPFailure, Report

report = Report()
check = report.check
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-sliding-"))
PATH = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
STATE = [["m.room.name", ""], ["m.room.encryption", ""], ["m.room.member", "$LAZY"], ["m.room.member", "$ME"],
         ["m.room.create", ""], ["m.space.child", "*"]]
EXTENSIONS = {"e2ee": {"enabled": True}, "account_data": {"enabled": True}, "receipts": {"enabled": True},
              "typing": {"enabled": True}}


class Client:
    """Keeps what answers tell, and begins anew when its position is not known."""

    def __init__(self, user):
        self.user, self.pos, self.since, self.restarts = user, None, None, 0
        self.rooms, self.messages, self.count = {}, [], 0

    def body(self, last, limit, **more):
        to_device = {"enabled": True, **({"since": self.since} if self.since else {})}
        return {"conn_id": "room-list", "extensions": {**EXTENSIONS, "to_device": to_device},
                "lists": {"all": {"ranges": [[0, last]], "timeline_limit": limit, "required_state": STATE,
                                  "filters": {"not_room_types": ["m.space"]}}}, **more}

    def ask(self, last=19, limit=1, timeout=0, **more):
        query = urllib.parse.urlencode({"timeout": timeout, **({"pos": self.pos} if self.pos else {})})
        return self.user.server.api(
            "POST", f"{PATH}?{query}", self.body(last, limit, **more), self.user.token, timeout=120)

    def sync(self, **how):
        try:
            answer = self.ask(**how)
        except HTTPFailure as failure:
            assert failure.status == 400 and failure.body["errcode"] == "M_UNKNOWN_POS", failure
            self.pos, self.restarts = None, self.restarts + 1
            answer = self.ask(**how)
        self.take(answer)
        return answer

    def take(self, answer):
        self.pos, self.count = answer["pos"], answer["lists"]["all"]["count"]
        for room_id, told in answer["rooms"].items():
            room = {"timeline": [], "state": {}} if told.get("initial") else self.rooms[room_id]
            if told.get("limited") or told.get("unstable_expanded_timeline"):
                room["timeline"] = []
            room["timeline"] += [event["event_id"] for event in told.get("timeline", [])]
            for event in told.get("required_state", []):
                room["state"][event["type"], event["state_key"]] = event.get("content")
            room.update({key: told[key] for key in told if key not in ("timeline", "required_state")})
            self.rooms[room_id] = room
        inbox = answer["extensions"]["to_device"]
        self.messages += [event["content"]["n"] for event in inbox["events"]]
        self.since = inbox["next_batch"]


def windows(client, alice, bob, rooms):
    check(alice.server.api("GET", "/_matrix/client/versions")["unstable_features"]["org.matrix.simplified_msc3575"],
          "the feature is told in /versions")
    client.sync(last=9)
    check(list(client.rooms) == rooms[:-11:-1] and client.count == 30, "the first window has the ten newest rooms")
    client.sync(last=99)
    check(len(client.rooms) == 30, "a larger window brings the rest")
    check(all(room["name"] for room in client.rooms.values()), "each with its name")
    client.sync(last=99, room_subscriptions={rooms[0]: {"timeline_limit": 20, "required_state": []}})
    shown = client.rooms[rooms[0]]
    check(shown["unstable_expanded_timeline"] and len(shown["timeline"]) > 5, "a subscription brings more of its timeline")
    expected = [event["event_id"] for event in bob.all_messages(rooms[0])]
    check(shown["timeline"] == expected[-len(shown["timeline"]):], "which is the end of the room's history")


def polling(client, alice, bob, rooms):
    answers = []
    poll = threading.Thread(target=lambda: answers.append(client.sync(last=9, timeout=60000)))
    client.sync(last=9)
    poll.start()
    sent = bob.send(rooms[0], "wake up", "wake")
    poll.join(timeout=90)
    check(answers and answers[0]["rooms"][rooms[0]]["timeline"][-1]["event_id"] == sent,
          "an event brings an old room into the window and wakes the poll")
    check(answers[0]["rooms"][rooms[0]]["notification_count"] == 1, "with the count of what is unread")
    quoted = urllib.parse.quote(rooms[0])
    alice.api("POST", f"/rooms/{quoted}/receipt/m.read/{urllib.parse.quote(sent)}", {})
    answer = client.sync(last=9)
    check(answer["rooms"][rooms[0]]["notification_count"] == 0, "which a receipt takes away")
    check(alice.id in str(answer["extensions"]["receipts"]["rooms"][rooms[0]]), "and the receipt is told")
    bob.api("PUT", f"/rooms/{quoted}/typing/{bob.id}", {"typing": True, "timeout": 30000})
    answer = client.sync(last=9, timeout=60000)
    check(answer["extensions"]["typing"]["rooms"][rooms[0]]["content"]["user_ids"] == [bob.id], "typing wakes it too")


def lost_answers(client, bob, rooms):
    sent = [bob.send(rooms[1], "one", "lost1")]
    lost = client.ask(last=9)
    sent.append(bob.send(rooms[1], "two", "lost2"))
    check([event["event_id"] for event in lost["rooms"][rooms[1]]["timeline"]][-1:] == sent[:1], "an answer is lost")
    client.sync(last=9, limit=5)
    check(client.rooms[rooms[1]]["timeline"][-2:] == sent, "and what was in it comes again")
    try:
        client.user.server.api("POST", PATH, client.body(9, 1), bob.token, pos=client.pos)
        check(False, "another user's position is refused")
    except HTTPFailure as failure:
        check(failure.body["errcode"] == "M_UNKNOWN_POS", "another user's position is refused")


def crashes(server, client, alice, bob, rooms):
    """Messages to the device come exactly once through kills and answers that never arrive."""
    number, begun = 0, client.restarts
    for attempt in range(4):
        for _ in range(3):
            bob.api("PUT", f"/sendToDevice/t/n{number}", {"messages": {alice.id: {alice.device: {"n": number}}}})
            number += 1
        sent = bob.send(rooms[attempt], f"crash {attempt}", f"crash{attempt}")
        if attempt % 2:
            client.ask(last=9, limit=3)
        server.kill()
        server.start()
        client.sync(last=9, limit=3)
        check(client.rooms[rooms[attempt]]["timeline"][-1] == sent, f"kill {attempt}: the client begins anew and has the event")
    client.sync(last=9, limit=3)
    check(client.restarts == begun + 4, "each kill made one position unknown")
    check(client.messages == list(range(number)), "messages to the device came once each, in order")
    again = server.api("POST", PATH, {"extensions": {"to_device": {"enabled": True}}}, alice.token)
    check(again["extensions"]["to_device"]["events"] == [], "and are gone once acknowledged")
    client.sync(last=99, limit=1)
    check(len(client.rooms) == 30 and client.count == 30, "all rooms are there")


def main():
    server = Engram(ROOT).start()
    try:
        alice, bob = server.register("alice"), server.register("bob")
        rooms = []
        for number in range(30):
            rooms.append(bob.create_room(name=f"Room {number}", room_version="10"))
            alice.join(rooms[-1])
        alice.create_room(name="A space", creation_content={"type": "m.space"})
        client = Client(alice)
        windows(client, alice, bob, rooms)
        polling(client, alice, bob, rooms)
        lost_answers(client, bob, rooms)
        crashes(server, client, alice, bob, rooms)
    finally:
        server.stop()
        shutil.rmtree(ROOT, ignore_errors=True)
    report.end()


main()
