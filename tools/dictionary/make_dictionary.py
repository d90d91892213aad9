#!/usr/bin/env python3
"""Makes the zstd dictionary that the program ships with, from synthetic records of a Matrix homeserver.

The same seed gives the same samples, and the same libzstd the same dictionary. A dictionary that has been released is never
changed, for logs hold its bytes: a new one gets a new number.

    make_dictionary.py [--size BYTES] [--samples FILE] OUTPUT.swift

`--samples` writes the samples too, each after its length in four little-endian bytes, for measuring.
"""
import argparse
import base64
import ctypes
import ctypes.util
import json
import random
import struct

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
WORDS = (
    "a the I you we is are to of in it that for on with this as at be have not but can do if or so what when how there just "
    "like about know think going will would could get make time people room server message please thanks yes no ok maybe "
    "tomorrow today meeting link fixed issue update version check hello everyone great works now sorry again see here from "
    "your my our they was were been because should also really need want some any more all new good first last look right"
).split()


class Synthetic:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.time = 1700000000000
        self.depth = 1

    def letters(self, count):
        return "".join(self.random.choice(ALPHABET) for _ in range(count))

    def word_name(self):
        return self.random.choice(WORDS).lower() + str(self.random.randrange(1000))

    def server(self):
        return self.word_name() + self.random.choice([".example.org", ".example.com", ".net", ".org", ".de", ".chat"])

    def user(self):
        return f"@{self.word_name()}:{self.server()}"

    def event_id(self):
        return "$" + self.letters(43)

    def room(self):
        return "!" + (self.letters(43) if self.random.random() < 0.5 else self.letters(18) + ":" + self.server())

    def text(self):
        return " ".join(self.random.choice(WORDS) for _ in range(self.random.randrange(1, 30)))

    def media(self):
        return f"mxc://{self.server()}/{self.letters(24)}"

    def member(self):
        content = {"membership": self.random.choice(["join", "join", "join", "leave", "invite", "ban"])}
        if self.random.random() < 0.8:
            content["displayname"] = self.word_name()
        if self.random.random() < 0.4:
            content["avatar_url"] = self.media()
        if self.random.random() < 0.1:
            content["join_authorised_via_users_server"] = self.user()
        if self.random.random() < 0.1:
            content["reason"] = self.text()
        return "m.room.member", content, self.user()

    def message(self):
        kind = self.random.random()
        body = self.text()
        if kind < 0.5:
            content = {"body": body, "msgtype": "m.text"}
        elif kind < 0.6:
            content = {"body": body, "format": "org.matrix.custom.html", "formatted_body": f"<p>{body}</p>", "msgtype": "m.text"}
        elif kind < 0.7:
            content = {
                "body": "image.png", "msgtype": "m.image", "url": self.media(),
                "info": {"h": self.random.randrange(2000), "w": self.random.randrange(3000), "mimetype": "image/png",
                         "size": self.random.randrange(1000000), "thumbnail_url": self.media(),
                         "thumbnail_info": {"h": 600, "w": 800, "mimetype": "image/jpeg", "size": 31037}},
            }
        elif kind < 0.8:
            content = {"body": body, "msgtype": "m.text", "m.mentions": {"user_ids": [self.user()]},
                       "m.relates_to": {"m.in_reply_to": {"event_id": self.event_id()}}}
        elif kind < 0.9:
            content = {"body": "* " + body, "msgtype": "m.text", "m.new_content": {"body": body, "msgtype": "m.text"},
                       "m.relates_to": {"event_id": self.event_id(), "rel_type": "m.replace"}, "m.mentions": {}}
        else:
            content = {"body": body, "msgtype": "m.text", "m.mentions": {},
                       "m.relates_to": {"event_id": self.event_id(), "is_falling_back": True,
                                        "m.in_reply_to": {"event_id": self.event_id()}, "rel_type": "m.thread"}}
        return "m.room.message", content, None

    def encrypted(self):
        count = self.random.randrange(150, 500)
        return "m.room.encrypted", {
            "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA" + self.letters(count), "device_id": self.letters(10).upper(),
            "sender_key": self.letters(43), "session_id": self.letters(43)}, None

    def other(self):
        return self.random.choice([
            ("m.reaction", {"m.relates_to": {"event_id": self.event_id(), "key": "\U0001f44d", "rel_type": "m.annotation"}}, None),
            ("m.room.redaction", {"reason": self.text(), "redacts": self.event_id()}, None),
            ("m.room.topic", {"topic": self.text(), "m.topic": {"m.text": [{"body": self.text()}]}}, ""),
            ("m.room.name", {"name": self.text()}, ""),
            ("m.room.avatar", {"url": self.media(), "info": {}}, ""),
            ("m.room.canonical_alias", {"alias": f"#{self.word_name()}:{self.server()}", "alt_aliases": []}, ""),
            ("m.room.join_rules", {"join_rule": self.random.choice(["public", "invite", "knock"])}, ""),
            ("m.room.join_rules", {"allow": [{"room_id": self.room(), "type": "m.room_membership"}],
                                   "join_rule": "restricted"}, ""),
            ("m.room.history_visibility", {"history_visibility": self.random.choice(["shared", "world_readable", "joined"])}, ""),
            ("m.room.guest_access", {"guest_access": "can_join"}, ""),
            ("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_ms": 604800000,
                                   "rotation_period_msgs": 100}, ""),
            ("m.room.create", {"room_version": self.random.choice(["10", "11", "12"]), "creator": self.user(),
                               "additional_creators": [self.user()]}, ""),
            ("m.room.power_levels", {
                "ban": 50, "events": {"m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.encryption": 100,
                                      "m.room.history_visibility": 100, "m.room.name": 50, "m.room.power_levels": 100,
                                      "m.room.server_acl": 100, "m.room.tombstone": 100},
                "events_default": 0, "invite": 0, "kick": 50, "notifications": {"room": 50}, "redact": 50,
                "state_default": 50, "users": {self.user(): 100}, "users_default": 0, "historical": 100}, ""),
            ("m.room.server_acl", {"allow": ["*"], "allow_ip_literals": False, "deny": [self.server(), self.server()]}, ""),
            ("m.room.pinned_events", {"pinned": [self.event_id()]}, ""),
            ("m.space.child", {"via": [self.server()], "suggested": False}, self.room()),
            ("m.call.member", {"application": "m.call", "focus_active": {"type": "livekit"}}, self.user()),
            ("m.sticker", {"body": self.text(), "info": {}, "url": self.media()}, None),
        ])

    def pdu(self):
        pick = self.random.random()
        if pick < 0.35:
            kind, content, state_key = self.message()
        elif pick < 0.55:
            kind, content, state_key = self.encrypted()
        elif pick < 0.80:
            kind, content, state_key = self.member()
        else:
            kind, content, state_key = self.other()
        self.time += self.random.randrange(60000)
        self.depth += 1
        sender = state_key if kind == "m.room.member" and self.random.random() < 0.8 else self.user()
        room = self.room()
        event = {
            "auth_events": [self.event_id() for _ in range(self.random.randrange(2, 5))],
            "content": content, "depth": self.depth, "hashes": {"sha256": self.letters(43)},
            "origin_server_ts": self.time, "prev_events": [self.event_id() for _ in range(self.random.choice([1, 1, 1, 2, 3]))],
            "room_id": room, "sender": sender,
            "signatures": {sender.split(":", 1)[1]: {"ed25519:" + self.random.choice(["auto", "0", "a_" + self.letters(4)]):
                                                     self.letters(86)}},
            "type": kind,
        }
        if state_key is not None:
            event["state_key"] = state_key
        body = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        # As the record kind PDURecorded lays it out: format, verdict, flags, then framed strings, then the PDU.
        flags = 1 if state_key is not None else 4 if self.random.random() < 0.3 else 0
        payload = bytes([1, 0, flags]) + b"".join(map(framed, [self.random.choice(["10", "11", "12"]), room, self.event_id()]))
        if flags & 4:
            payload += framed(self.letters(10).upper()) + framed("m" + str(self.time) + ".0")
        cause = "PUT /send" if flags & 4 else "PUT /_matrix/federation/v1/send"
        return framed(room) + framed(sender) + framed(cause) + payload + body

    def account(self):
        user = self.user()
        payload = self.random.choice([
            {"password_hash": "$argon2id$v=19$m=19456,t=2,p=1$" + self.letters(22) + "$" + self.letters(43), "user_id": user},
            {"access_token_hash": self.letters(43), "device_id": self.letters(10).upper(), "display_name": "Element X",
             "refresh_token_hash": self.letters(43), "user_id": user, "expires_at_ms": self.time},
            {"content": {"event_id": self.event_id()}, "room_id": self.room(), "type": "m.fully_read", "user_id": user},
            {"event_id": self.event_id(), "receipt_type": "m.read", "room_id": self.room(), "thread_id": "main",
             "ts": self.time, "user_id": user},
            {"content": {"global": {"override": [], "content": [], "room": [], "sender": [], "underride": []}},
             "type": "m.push_rules", "user_id": user},
            {"field": "displayname", "user_id": user, "value": self.word_name()},
        ])
        body = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
        return framed(user) + framed(user) + framed("POST /_matrix/client/v3") + body

    def record(self):
        return self.pdu() if self.random.random() < 0.85 else self.account()


def framed(text):
    data = text.encode()
    length = len(data)
    out = bytearray()
    while length >= 0x80:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    return bytes(out) + data


def train(samples, size):
    zstd = ctypes.CDLL(ctypes.util.find_library("zstd"))
    zstd.ZDICT_trainFromBuffer.restype = ctypes.c_size_t
    zstd.ZDICT_isError.argtypes = [ctypes.c_size_t]
    sizes = (ctypes.c_size_t * len(samples))(*map(len, samples))
    out = ctypes.create_string_buffer(size)
    made = zstd.ZDICT_trainFromBuffer(out, ctypes.c_size_t(size), b"".join(samples), sizes, ctypes.c_uint(len(samples)))
    if zstd.ZDICT_isError(made):
        raise SystemExit("libzstd could not train a dictionary")
    return out.raw[:made]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("output")
    arguments.add_argument("--size", type=int, default=16384)
    arguments.add_argument("--count", type=int, default=6000)
    arguments.add_argument("--samples")
    options = arguments.parse_args()
    synthetic = Synthetic(seed=1)
    samples = [synthetic.record() for _ in range(options.count)]
    if options.samples:
        other = Synthetic(seed=2)
        with open(options.samples, "wb") as file:
            for _ in range(options.count):
                sample = other.record()
                file.write(struct.pack("<I", len(sample)) + sample)
    text = base64.b64encode(train(samples, options.size)).decode()
    lines = [text[start:start + 112] for start in range(0, len(text), 112)]
    with open(options.output, "w") as file:
        file.write("// Made by tools/dictionary/make_dictionary.py; not to be changed by hand.\n\n")
        file.write("extension ShippedDictionary {\n")
        file.write("    /// The dictionary in Base64.\n")
        file.write('    static let text: StaticString = """\n')
        file.write("".join(f"        {line}\\\n" for line in lines[:-1]) + f"        {lines[-1]}\n")
        file.write('        """\n}\n')


main()
