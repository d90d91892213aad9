#!/usr/bin/env python3
"""The credentials of `/voip/turnServer` with a real coturn: what the server hands out opens a relay, and nothing else does."""
import base64
import hashlib
import hmac
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from engram import Engram, Report, free_port

COOKIE = 0x2112A442
ALLOCATE = 0x0003
USERNAME, INTEGRITY, ERROR, REALM, NONCE, TRANSPORT, RELAYED = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015, 0x0019, 0x0016


def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def message(attributes, key=None):
    """A STUN request (RFC 8489), with its integrity when there is a key."""
    transaction = os.urandom(12)
    body = b"".join(attribute(kind, value) for kind, value in attributes)

    def head(length):
        return struct.pack(">HHI", ALLOCATE, length, COOKIE) + transaction

    if key is not None:
        # The length covers the integrity that is still to come.
        code = hmac.new(key, head(len(body) + 24) + body, hashlib.sha1).digest()
        body += attribute(INTEGRITY, code)
    return head(len(body)) + body


def parse(answer):
    """Whether it is a success, and the attributes."""
    kind, length, cookie = struct.unpack(">HHI", answer[:8])
    assert cookie == COOKIE
    found, at = {}, 20
    while at < 20 + length:
        name, size = struct.unpack(">HH", answer[at:at + 4])
        found[name] = answer[at + 4:at + 4 + size]
        at += 4 + size + (-size % 4)
    return kind == ALLOCATE | 0x0100, found


def allocate(port, username, password):
    """Asks for a relay as a client does: once without credentials, to learn realm and nonce, then with them.

    Answers 0 for a relay, or the code of the refusal."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(5)
        link.connect(("127.0.0.1", port))
        udp = (TRANSPORT, bytes([17, 0, 0, 0]))
        link.send(message([udp]))
        succeeded, found = parse(link.recv(2048))
        assert not succeeded and code(found) == 401, "coturn lets anybody in"
        realm, nonce = found[REALM], found[NONCE]
        key = hashlib.md5(b":".join([username.encode(), realm, password.encode()])).digest()
        link.send(message([udp, (USERNAME, username.encode()), (REALM, realm), (NONCE, nonce)], key))
        succeeded, found = parse(link.recv(2048))
        if succeeded:
            return 0 if RELAYED in found else -1
        return code(found)


def code(found):
    return found[ERROR][2] * 100 + found[ERROR][3]


class Coturn:
    """A coturn of its own on loopback, for as long as the block lasts."""

    def __init__(self, directory, secret):
        self.directory, self.port = pathlib.Path(directory), free_port()
        self.command = [
            "turnserver", "-n", "--listening-port", str(self.port), "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1",
            "--use-auth-secret", "--static-auth-secret", secret, "--realm", "localhost", "--no-tls", "--no-dtls", "--no-cli",
            "--allow-loopback-peers", "--pidfile", str(self.directory / "pid"), "--log-file", "stdout", "--no-tcp",
            "--userdb", str(self.directory / "users.db"), "--relay-threads", "1",
        ]

    def __enter__(self):
        self.log = open(self.directory / "turnserver.log", "wb")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                allocate(self.port, "nobody", "nothing")
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError("coturn did not start: " + (self.directory / "turnserver.log").read_text()[-2000:])

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)


def main():
    if shutil.which("turnserver") is None:
        print("coturn is missing: install the Debian package", file=sys.stderr)
        raise SystemExit(1)
    report = Report()
    directory = tempfile.mkdtemp(prefix="engram-turn-")
    secret = base64.b64encode(os.urandom(18)).decode()
    with Coturn(directory, secret) as coturn:
        server = Engram(directory + "/hs", extra=TURN.format(port=coturn.port, secret=secret)).start()
        user = server.register("alice")
        given = user.api("GET", "/voip/turnServer")
        report.check(given["uris"] == [f"turn:127.0.0.1:{coturn.port}?transport=udp"] and given["ttl"] == 600,
                     f"the client learns where coturn is: {given['uris']} for {given['ttl']} s")
        result = allocate(coturn.port, given["username"], given["password"])
        report.check(result == 0, f"coturn opens a relay for what the server hands out: {result}")
        left = int(given["username"].split(":")[0]) - time.time()
        report.check(500 < left <= 601, f"the credentials end in {left:.0f} s")
        report.check(given["username"].split(":", 1)[1] == user.id, "and name their user")
        result = allocate(coturn.port, given["username"], "wrong")
        report.check(result == 401, f"another password is refused: {result}")
        forged = hmac.new(b"another secret", given["username"].encode(), hashlib.sha1).digest()
        result = allocate(coturn.port, given["username"], base64.b64encode(forged).decode())
        report.check(result == 401, f"a password of another secret is refused: {result}")
        result = allocate(coturn.port, given["username"].replace("alice", "mallory"), given["password"])
        report.check(result == 401, f"the name of another user is refused: {result}")
        expired = f"{int(time.time()) - 10}:{user.id}"
        right = base64.b64encode(hmac.new(secret.encode(), expired.encode(), hashlib.sha1).digest()).decode()
        result = allocate(coturn.port, expired, right)
        report.check(result == 401, f"credentials that have ended are refused: {result}")
        other = server.register("bob").api("GET", "/voip/turnServer")
        result = allocate(coturn.port, other["username"], other["password"])
        report.check(result == 0 and other["username"] != given["username"], "another user has credentials of their own")
        server.stop()
    report.end()


TURN = """\
turn_uris: ['turn:127.0.0.1:{port}?transport=udp']
turn_shared_secret: '{secret}'
turn_user_lifetime: 10m
"""

if __name__ == "__main__":
    main()
