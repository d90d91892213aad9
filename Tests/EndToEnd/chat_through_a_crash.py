#!/usr/bin/env python3
"""Two people chat with matrix-nio while the server is killed under them: nothing may be lost, nothing may come twice."""
import asyncio
import collections
import sys
import tempfile

import nio

from engram import Engram, Report

COUNT = 100  # messages each way
report = Report()


async def login(server, name):
    client = nio.AsyncClient(server.url, f"@{name}:localhost", config=nio.AsyncClientConfig(max_limit_exceeded=0))
    answer = await client.register(name, "correct horse")
    report.check(isinstance(answer, nio.RegisterResponse), f"{name} registers")
    return client


async def patiently(step):
    """Retries a request over the crash with the same transaction id, as a client does."""
    for _ in range(600):
        try:
            answer = await asyncio.wait_for(step(), 15)
            if not isinstance(answer, nio.ErrorResponse):
                return answer
        except Exception:
            pass
        await asyncio.sleep(0.05)
    raise RuntimeError("the server did not come back")


async def listen(client, room, seen, done):
    """Long-polls with the tokens it was given; counts what it is shown."""
    token = None
    while not done.is_set():
        answer = await patiently(lambda: client.sync(timeout=1000, since=token, sync_filter={"room": {"timeline": {"limit": 500}}}))
        token = answer.next_batch
        joined = answer.rooms.join.get(room)
        for event in joined.timeline.events if joined else []:
            if isinstance(event, nio.RoomMessageText):
                seen[event.body] += 1
        client.next_batch = token


async def talk(client, name, room, crash_at, crash):
    for index in range(COUNT):
        content = {"msgtype": "m.text", "body": f"{name} {index}"}
        await patiently(lambda: client.room_send(room, "m.room.message", content, tx_id=f"{name}{index}"))
        if index == crash_at:
            await crash()


async def main():
    directory = tempfile.mkdtemp(prefix="engram-chat-")
    server = Engram(directory).start()
    alice, bob = await login(server, "alice"), await login(server, "bob")
    room = (await alice.room_create(name="Crash", topic="kill -9", invite=["@bob:localhost"])).room_id
    report.check(isinstance(await bob.join(room), nio.JoinResponse), "bob joins the room he was invited to")
    direct = await alice.room_create(is_direct=True, invite=["@bob:localhost"], preset=nio.RoomPreset.trusted_private_chat)
    report.check(isinstance(await bob.join(direct.room_id), nio.JoinResponse), "bob joins the direct chat")
    state = await alice.room_put_state(room, "org.example.colour", {"colour": "blue"})
    report.check(isinstance(state, nio.RoomPutStateResponse), "alice sets state")
    oops = await alice.room_send(room, "m.room.message", {"msgtype": "m.text", "body": "oops"})
    report.check(isinstance(await alice.room_redact(room, oops.event_id, "typo"), nio.RoomRedactResponse), "alice redacts")

    async def crash():
        server.kill()
        server.start()

    async def nothing():
        return None

    seen_by_alice, seen_by_bob, done = collections.Counter(), collections.Counter(), asyncio.Event()
    listeners = [asyncio.create_task(listen(alice, room, seen_by_alice, done)),
                 asyncio.create_task(listen(bob, room, seen_by_bob, done))]
    await asyncio.gather(talk(alice, "alice", room, COUNT // 2, crash), talk(bob, "bob", room, -1, nothing))
    expected = {f"{name} {index}" for name in ("alice", "bob") for index in range(COUNT)}
    for _ in range(300):
        if set(seen_by_alice) >= expected and set(seen_by_bob) >= expected:
            break
        await asyncio.sleep(0.1)
    done.set()
    await asyncio.gather(*listeners)
    for name, seen in (("alice", seen_by_alice), ("bob", seen_by_bob)):
        messages = {body: count for body, count in seen.items() if body in expected}
        report.check(set(messages) == expected, f"{name} saw all {len(expected)} messages: {len(messages)}")
        report.check(all(count == 1 for count in messages.values()), f"{name} saw no message twice")

    server.kill()
    server.start()
    stored = [e for e in (await patiently(lambda: alice.room_messages(room, "", limit=1000, direction=nio.MessageDirection.back))).chunk
              if isinstance(e, nio.RoomMessageText) and e.body in expected]
    report.check(len(stored) == len(expected) == len({e.body for e in stored}), "the timeline has each message once")
    colour = await alice.room_get_state_event(room, "org.example.colour")
    report.check(getattr(colour, "content", None) == {"colour": "blue"}, "state survives")
    redacted = await alice.room_get_event(room, oops.event_id)
    report.check(redacted.event.source["content"] == {}, "the redacted event stays redacted")
    await alice.close()
    await bob.close()
    server.stop()
    report.check(server.run("rebuild", "--verify", check=False).returncode == 0, "rebuilt projections equal the live ones")
    report.check(server.run("log", "verify", check=False).returncode == 0, "the log verifies")
    report.end()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
