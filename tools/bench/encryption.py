#!/usr/bin/env python3
"""Measures end-to-end encryption on running homeservers, the same requests at each; ratios to the last one named.

usage: encryption.py NAME=URL=REGISTRATION_SECRET [NAME=URL=SECRET …]        DEVICES=1000 MESSAGES=10000

upload  device keys with 50 one-time keys, one request for each device
query   the devices of all users in one request
claim   one key of each device in one request
inbox   messages to one device: sent over 32 connections, then delivered and acknowledged by syncs
"""
import hashlib
import hmac
import json
import os
import socket
import statistics
import sys
import threading
import time
import urllib.parse
import urllib.request

DEVICES = int(os.environ.get("DEVICES", "1000"))
MESSAGES = int(os.environ.get("MESSAGES", "10000"))


class Connection:
    """HTTP/1.1 over one socket, with requests sent ahead of their answers."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb", 1 << 20)

    @staticmethod
    def bytes(method, path, token, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data

    def answer(self):
        status = int(self.reader.readline().split()[1])
        length, chunked = 0, False
        while (line := self.reader.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
            elif name.lower() == "transfer-encoding":
                chunked = True
        if not chunked:
            return status, self.reader.read(length)
        body = b""
        while size := int(self.reader.readline(), 16):
            body += self.reader.read(size)
            self.reader.readline()
        self.reader.readline()
        return status, body

    def call(self, method, path, token, body=None):
        self.socket.sendall(self.bytes(method, path, token, body))
        status, body = self.answer()
        if status != 200:
            raise RuntimeError(f"{method} {path}: {status} {body[:300]}")
        return json.loads(body)

    def run(self, requests):
        """All of them, at most 32 ahead."""
        ahead = 0
        for one in requests:
            self.socket.sendall(one)
            ahead += 1
            if ahead == 32:
                self.expect()
                ahead -= 1
        for _ in range(ahead):
            self.expect()

    def expect(self):
        status, body = self.answer()
        if status != 200:
            raise RuntimeError(f"{status} {body[:300]}")


def in_parallel(url, requests, connections):
    threads = [threading.Thread(target=Connection(url).run, args=(requests[index::connections],))
               for index in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def register(url, secret, name):
    place = url + "/_synapse/admin/v1/register"
    nonce = json.load(urllib.request.urlopen(place))["nonce"]
    text = "\0".join([nonce, name, "password", "notadmin"])
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()
    body = {"nonce": nonce, "username": name, "password": "password", "admin": False, "mac": mac}
    call = urllib.request.Request(place, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(call))


def keys_of(user):
    device, owner = user["device_id"], user["user_id"]
    key = "A" * 43
    signatures = {owner: {"ed25519:" + device: "B" * 86}}
    return {
        "device_keys": {
            "user_id": owner, "device_id": device, "signatures": signatures,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {"curve25519:" + device: key, "ed25519:" + device: key}},
        "one_time_keys": {
            f"signed_curve25519:K{index:06}": {"key": f"{index:06}{device}{owner}", "signatures": signatures}
            for index in range(50)}}


def median_ms(step, times):
    took = []
    for _ in range(times):
        started = time.perf_counter()
        step()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def measure(url, secret):
    run = os.urandom(3).hex()
    users = [None] * DEVICES

    def make(part):
        for index in range(part, DEVICES, 8):
            users[index] = register(url, secret, f"u{run}{index}")

    threads = [threading.Thread(target=make, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    me = users[0]["access_token"]
    found = {}
    uploads = [Connection.bytes("POST", "/_matrix/client/v3/keys/upload", user["access_token"], keys_of(user))
               for user in users]
    found["uploads/s"] = DEVICES / in_parallel(url, uploads, 16)
    connection = Connection(url)
    # Only the answer's bytes are waited for: reading a megabyte of JSON here would count against the server.
    everybody = Connection.bytes("POST", "/_matrix/client/v3/keys/query", me, {
        "device_keys": {user["user_id"]: [] for user in users}})
    found["query ms"] = median_ms(lambda: connection.run([everybody]), 11)
    wanted = Connection.bytes("POST", "/_matrix/client/v3/keys/claim", me, {
        "one_time_keys": {user["user_id"]: {user["device_id"]: "signed_curve25519"} for user in users}})
    answers = []

    def claim():
        connection.socket.sendall(wanted)
        answers.append(connection.answer()[1])

    found["claim ms"] = median_ms(claim, 11)
    given = [(user, *keys) for answer in answers
             for user, devices in json.loads(answer)["one_time_keys"].items() for keys in devices.values()]
    assert len(given) == len(set(given)) == 11 * DEVICES, (len(given), len(set(given)))
    single = [Connection.bytes("POST", "/_matrix/client/v3/keys/claim", me, {"one_time_keys": {
        user["user_id"]: {user["device_id"]: "signed_curve25519"}}}) for user in users]
    found["single claims/s"] = DEVICES / in_parallel(url, single, 16)
    inbox(url, users, found, connection, run)
    return found


def inbox(url, users, found, connection, run):
    target = users[1]
    content = {"algorithm": "m.olm.v1.curve25519-aes-sha2", "ciphertext": {"k": {"body": "C" * 500, "type": 1}}}
    sends = [Connection.bytes(
        "PUT", f"/_matrix/client/v3/sendToDevice/m.room.encrypted/{run}{index}", users[2 + index % 32]["access_token"],
        {"messages": {target["user_id"]: {target["device_id"]: {**content, "n": index}}}})
        for index in range(MESSAGES)]
    token = target["access_token"]
    since = connection.call("GET", "/_matrix/client/v3/sync", token)["next_batch"]
    sending = in_parallel(url, sends, 32)
    found["sends/s"] = MESSAGES / sending
    seen = set()
    started = time.perf_counter()
    while True:
        answer = connection.call("GET", f"/_matrix/client/v3/sync?since={since}", token)
        since = answer["next_batch"]
        events = answer.get("to_device", {}).get("events", [])
        if not events:
            break
        before = len(seen)
        seen.update(event["content"]["n"] for event in events)
        assert len(seen) == before + len(events), "a message came twice"
    found["delivered and acknowledged/s"] = MESSAGES / (time.perf_counter() - started)
    assert len(seen) == MESSAGES, f"{len(seen)} of {MESSAGES} messages came"
    found["sent, delivered and acknowledged/s"] = MESSAGES / (sending + time.perf_counter() - started)


def main():
    results = {}
    for argument in sys.argv[1:]:
        name, url, secret = argument.split("=", 2)
        results[name] = measure(url, secret)
        for what, number in results[name].items():
            print(f"{name:10} {what:36} {number:12.1f}", flush=True)
    *others, last = results
    for name in others:
        for what, number in results[name].items():
            ratio = results[last][what] / number if what.endswith("ms") else number / results[last][what]
            print(f"{name} is {ratio:.1f} times {last}: {what}")


if __name__ == "__main__":
    main()
