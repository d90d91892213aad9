#!/usr/bin/env python3
"""Two encrypted devices with matrix-nio: verified, cross-signed, talking through kill -9 and a restore from a backup;
and what a server must never do: hand out a one-time key twice, lose or repeat a message to a device."""
import asyncio
import concurrent.futures
import json
import sys
import tempfile
import time

try:
    import nio
    import vodozemac
except ImportError:
    print("SKIP: needs matrix-nio[e2e]")
    sys.exit(0)

from engram import Engram, HTTPFailure, Report, User

report = Report()


async def patiently(step):
    """Retries a request over a crash, as a client does."""
    for _ in range(600):
        try:
            answer = await asyncio.wait_for(step(), 15)
            if not isinstance(answer, nio.ErrorResponse):
                return answer
            problem = answer
        except Exception as error:
            problem = error
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the server did not come back: {problem!r}")


def retrying(step):
    """The same for a thread."""
    for _ in range(600):
        try:
            return step()
        except (OSError, HTTPFailure, ValueError):
            time.sleep(0.05)
    raise RuntimeError("the server did not come back")


class Person:
    """A nio client with encryption, and the plain API with the same token."""

    def __init__(self, server, name, directory):
        config = nio.AsyncClientConfig(encryption_enabled=True, max_limit_exceeded=0)
        self.name, self.server, self.seen = name, server, []
        (server.directory / f"{name}-store").mkdir()
        self.client = nio.AsyncClient(
            server.url, f"@{name}:localhost", store_path=str(server.directory / f"{name}-store"), config=config)
        self.client.add_event_callback(lambda room, event: self.seen.append(event.body), nio.RoomMessageText)

    async def register(self):
        answer = await self.client.register(self.name, "correct horse", device_name=f"phone of {self.name}")
        report.check(isinstance(answer, nio.RegisterResponse), f"{self.name} registers")
        self.client.load_store()
        self.raw = User(self.server, {
            "user_id": answer.user_id, "access_token": answer.access_token, "device_id": answer.device_id})

    async def step(self):
        """What a client does with each sync: send what is due to be sent, upload and query keys."""
        window = {"room": {"timeline": {"limit": 100}}}
        await patiently(lambda: self.client.sync(timeout=0, sync_filter=window))
        if self.client.should_upload_keys:
            await patiently(self.client.keys_upload)
        if self.client.should_query_keys:
            await patiently(self.client.keys_query)
        if self.client.should_claim_keys:
            await patiently(lambda: self.client.keys_claim(self.client.get_users_for_key_claiming()))
        await self.client.send_to_device_messages()

    async def say(self, room, text):
        content = {"msgtype": "m.text", "body": text}
        await patiently(lambda: self.client.room_send(room, "m.room.message", content, tx_id=f"{self.name} {text}"))

    def trust(self, other):
        devices = list(self.client.device_store.active_user_devices(other.client.user_id))
        for device in devices:
            self.client.verify_device(device)
        return len(devices)


class Signer:
    """An Ed25519 key: that of an account that is used for nothing else."""

    def __init__(self):
        self.account = vodozemac.Account()
        self.public = self.account.ed25519_key.to_base64()
        self.id = "ed25519:" + self.public

    def sign(self, thing, user):
        bare = {key: value for key, value in thing.items() if key not in ("signatures", "unsigned")}
        text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        thing.setdefault("signatures", {}).setdefault(user, {})[self.id] = self.account.sign(text.encode()).to_base64()
        return thing

    def key(self, user, usage):
        return {"user_id": user, "usage": [usage], "keys": {self.id: self.public}}


class Identity:
    """A user's cross-signing keys."""

    def __init__(self, user):
        self.user, self.master, self.own, self.others = user, Signer(), Signer(), Signer()

    def upload(self):
        self.user.api("POST", "/keys/device_signing/upload", {
            "master_key": self.master.key(self.user.id, "master"),
            "self_signing_key": self.master.sign(self.own.key(self.user.id, "self_signing"), self.user.id),
            "user_signing_key": self.master.sign(self.others.key(self.user.id, "user_signing"), self.user.id)})

    def sign(self, other):
        """Signs the own device and the other's master key."""
        found = self.user.api("POST", "/keys/query", {"device_keys": {self.user.id: [], other.user.id: []}})
        device = found["device_keys"][self.user.id][self.user.device]
        master = found["master_keys"][other.user.id]
        for thing in (device, master):
            thing.pop("unsigned", None)
            thing.pop("signatures", None)
        return self.user.api("POST", "/keys/signatures/upload", {
            self.user.id: {self.user.device: self.own.sign(device, self.user.id)},
            other.user.id: {other.master.public: self.others.sign(master, self.user.id)}})["failures"]


def cross_sign(alice, bob):
    identities = [Identity(alice.raw), Identity(bob.raw)]
    for identity in identities:
        identity.upload()
        identity.upload()
    report.check(True, "cross-signing keys are uploaded without a password, twice")
    try:
        Identity(alice.raw).upload()
        report.check(False, "other cross-signing keys need a password")
    except HTTPFailure as failure:
        report.check(failure.status == 401 and "flows" in failure.body, "other cross-signing keys need a password")
    failures = [identities[0].sign(identities[1]), identities[1].sign(identities[0])]
    report.check(failures == [{}, {}], f"signatures are accepted: {failures}")
    found = alice.raw.api("POST", "/keys/query", {"device_keys": {bob.raw.id: []}})
    signed = found["device_keys"][bob.raw.id][bob.raw.device]["signatures"][bob.raw.id]
    report.check(identities[1].own.id in signed, "bob's device is signed by bob")
    report.check(alice.raw.id in found["master_keys"][bob.raw.id]["signatures"], "alice sees that she signed bob")
    return identities


async def talk(server, alice, bob, room, texts, crash_at=None):
    """Each says something in turn; both must read all of it."""
    for index, text in enumerate(texts):
        speaker = (alice, bob)[index % 2]
        await speaker.say(room, text)
        if index == crash_at:
            server.kill()
            server.start()
    for _ in range(60):
        for person in (alice, bob):
            await person.step()
        if all(text in alice.seen and text in bob.seen for text in texts):
            break
        await asyncio.sleep(0.1)
    for person in (alice, bob):
        missing = [text for text in texts if text not in person.seen]
        report.check(not missing, f"{person.name} could read all {len(texts)} messages, missing {missing[:3]}")
        twice = [text for text in texts if person.seen.count(text) > 1]
        report.check(not twice, f"{person.name} read none twice {twice[:3]}")


def new_keys(user, names):
    keys = {f"signed_curve25519:{name}": {"key": f"public {name}", "signatures": {}} for name in names}
    user.api("POST", "/keys/upload", {"one_time_keys": keys})


def claim(user, target):
    answer = user.api("POST", "/keys/claim", {"one_time_keys": {target.id: {target.device: "signed_curve25519"}}})
    return list(answer["one_time_keys"].get(target.id, {}).get(target.device, {}))


def claims_through_crashes(server, alice):
    """64 threads claim while the server is killed: what was answered must differ."""
    target = server.register("target")
    names = [f"T{index}" for index in range(300)]
    new_keys(target, names)
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        claims = [pool.submit(retrying, lambda: claim(alice.raw, target)) for _ in range(200)]
        for _ in range(3):
            time.sleep(0.05)
            server.kill()
            server.start()
        given = [name for one in claims for name in one.result()]
    report.check(len(given) == len(set(given)) == 200, f"200 claims over three crashes gave {len(set(given))} keys")
    new_keys(target, names)
    rest = [name for _ in range(300) for name in claim(alice.raw, target)]
    report.check(not set(rest) & set(given), "an upload of the same keys brings none back")
    report.check(len(rest) == len(set(rest)), f"the other {len(rest)} come once each")


def messages_through_crashes(server, alice):
    """Messages to a device while the server is killed between syncs and acknowledgements."""
    target = server.register("mailbox")
    count, seen, token = 700, [], None

    def send(index):
        body = {"messages": {target.id: {target.device: {"n": index}}}}
        retrying(lambda: alice.raw.api("PUT", f"/sendToDevice/m.test/mail{index}", body))

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        sending = [pool.submit(send, index) for index in range(count)]
        rounds = 0
        while len(seen) < count and rounds < 400:
            answer = retrying(lambda: target.api("GET", "/sync", **({"since": token} if token else {})))
            seen += [event["content"]["n"] for event in answer["to_device"]["events"]]
            token = answer["next_batch"]
            rounds += 1
            if rounds in (2, 5, 8):
                server.kill()
                server.start()
        for one in sending:
            one.result()
    report.check(sorted(seen) == list(range(count)), f"{count} messages over three crashes, none lost, none twice: {len(seen)}")
    retrying(lambda: target.api("GET", "/sync", since=token))
    server.kill()
    server.start()
    left = target.api("GET", "/sync")["to_device"]["events"]
    report.check(not left, f"what was acknowledged is gone after a crash: {len(left)} left")


async def restore(server, alice, bob, room):
    """Back to a backup: keys given away since must not be given away again."""
    target = server.register("restored")
    new_keys(target, [f"R{index}" for index in range(20)])
    target.api("POST", "/keys/upload", {"fallback_keys": {
        "signed_curve25519:F": {"key": "fallback", "fallback": True, "signatures": {}}}})
    place = server.directory.parent / "encryption-backup"
    server.run("backup", "create", "--to", str(place))
    given = [claim(alice.raw, target)[0] for _ in range(5)]
    server.stop()
    again = Engram(server.directory.parent / "restored", port=server.port)
    for name in ("signing.key",):
        (again.directory / name).write_bytes((server.directory / name).read_bytes())
    again.run("restore", "--from", str(place))
    again.start()
    after = [claim(alice.raw, target)[0] for _ in range(25)]
    report.check(set(after) == {"signed_curve25519:F"} and not set(after) & set(given),
                 f"after a restore only the fallback key is given: {sorted(set(after))[:3]}")
    answer = target.api("GET", "/sync")
    report.check(answer["device_one_time_keys_count"] == {"signed_curve25519": 0}
                 and answer["device_unused_fallback_key_types"] == [], "the device is told to bring new keys")
    new_keys(target, ["NEW"])
    report.check(claim(alice.raw, target) == ["signed_curve25519:NEW"], "new keys are given")
    for person in (alice, bob):
        # The token is from before the restore: clients begin anew.
        person.client.next_batch = person.client.loaded_sync_token = None
        person.server = person.raw.server = again
    for _ in range(3):
        for person in (alice, bob):
            await person.step()
    await talk(again, alice, bob, room, [f"after the restore {index}" for index in range(6)])
    return again


async def main():
    server = Engram(tempfile.mkdtemp(prefix="engram-encryption-") + "/first").start()
    alice, bob = Person(server, "alice", server.directory), Person(server, "bob", server.directory)
    for person in (alice, bob):
        await person.register()
        await person.step()
    encrypted = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]
    room = (await alice.client.room_create(name="Secret", initial_state=encrypted, invite=["@bob:localhost"])).room_id
    await bob.client.join(room)
    for _ in range(3):
        for person in (alice, bob):
            await person.step()
    report.check(alice.trust(bob) == 1 and bob.trust(alice) == 1, "each knows the other's device and verifies it")
    cross_sign(alice, bob)
    for person in (alice, bob):
        await person.step()
    await talk(server, alice, bob, room, [f"before {index}" for index in range(10)])
    await talk(server, alice, bob, room, [f"through a crash {index}" for index in range(20)], crash_at=9)
    stored = alice.raw.all_messages(room)
    report.check(not any("before" in json.dumps(event["content"]) for event in stored), "the server holds no plain text")
    claims_through_crashes(server, alice)
    messages_through_crashes(server, alice)
    server = await restore(server, alice, bob, room)
    for person in (alice, bob):
        await person.client.close()
    server.stop()
    report.check(server.run("rebuild", "--verify", check=False).returncode == 0, "rebuilt projections equal the live ones")
    report.check(server.run("log", "verify", check=False).returncode == 0, "the log verifies")
    report.end()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
