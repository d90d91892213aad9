"""Starts, kills and asks a real engram process; shared by the end-to-end tests."""
import hashlib
import hmac
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

FAST = "{per_second: 1000000, burst_count: 1000000}"
CONFIG = """\
server_name: localhost
data_dir: {data}
signing_key_path: {directory}/signing.key
media_store_path: {directory}/media
listeners:
  - port: {port}
    bind_addresses: ['127.0.0.1']
    type: http
    tls: false
    resources: [{{names: [client, federation]}}]
registration_shared_secret: secret
enable_registration: true
enable_registration_without_verification: true
enable_metrics: true
rc_message: {fast}
rc_registration: {fast}
rc_login: {{address: {fast}, account: {fast}, failed_attempts: {fast}}}
rc_joins: {{local: {fast}, remote: {fast}}}
rc_joins_per_room: {fast}
rc_invites: {{per_room: {fast}, per_user: {fast}, per_issuer: {fast}}}
rc_room_creation: {fast}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class HTTPFailure(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


def request(url, method="GET", body=None, token=None, timeout=60, raw=None, headers=None):
    """One HTTP request; returns (status, parsed JSON or text)."""
    data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
    call = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None:
        call.add_header("Content-Type", "application/json")
    if token:
        call.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(call, timeout=timeout) as answer:
            text, status = answer.read(), answer.status
    except urllib.error.HTTPError as error:
        text, status = error.read(), error.code
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text.decode("utf-8", "replace")


class Engram:
    """One homeserver in a directory of its own."""

    def __init__(self, directory, binary=None, port=None, extra=""):
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.binary = binary or os.environ["ENGRAM_BIN"]
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = self.directory / "data"
        self.config = self.directory / "homeserver.yaml"
        self.config.write_text(CONFIG.format(
            data=self.data, directory=self.directory, port=self.port, fast=FAST) + extra)
        self.process = None
        self.log = open(self.directory / "server.log", "ab")

    def start(self, env=None, wait=True, timeout=60):
        self.process = subprocess.Popen(
            [self.binary, "serve", "--config", str(self.config)],
            stdout=self.log, stderr=self.log, env={**os.environ, **(env or {})})
        if wait:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=60):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}; see {self.directory}/server.log")
            try:
                if request(self.url + "/health", timeout=2)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError("the server did not answer in time")

    def kill(self):
        """A crash: nothing is flushed, nothing is said."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)

    def run(self, *arguments, check=True):
        """Runs a verb of the command line on this server's data."""
        result = subprocess.run(
            [self.binary, *arguments, "--config", str(self.config)], capture_output=True, text=True)
        if check and result.returncode != 0:
            raise RuntimeError(f"engram {' '.join(arguments)} ended with {result.returncode}:\n"
                               f"{result.stdout}{result.stderr}")
        return result

    def api(self, method, path, body=None, token=None, timeout=60, **query):
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        status, answer = request(url, method, body, token, timeout)
        if status != 200:
            raise HTTPFailure(status, answer)
        return answer

    def register(self, name, password="correct horse"):
        body = {"username": name, "password": password, "auth": {"type": "m.login.dummy"}}
        return User(self, self.api("POST", "/_matrix/client/v3/register", body))

    def register_by_secret(self, name, password="correct horse", admin=False):
        nonce = self.api("GET", "/_synapse/admin/v1/register")["nonce"]
        text = "\0".join([nonce, name, password, "admin" if admin else "notadmin"])
        mac = hmac.new(b"secret", text.encode(), hashlib.sha1).hexdigest()
        return User(self, self.api("POST", "/_synapse/admin/v1/register", {
            "nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac}))


class User:
    def __init__(self, server, answer):
        self.server, self.id = server, answer["user_id"]
        self.token, self.device = answer["access_token"], answer.get("device_id")

    def api(self, method, path, body=None, timeout=60, **query):
        return self.server.api(method, "/_matrix/client/v3" + path, body, self.token, timeout, **query)

    def create_room(self, **body):
        return self.api("POST", "/createRoom", {"preset": "public_chat", **body})["room_id"]

    def send(self, room, text, transaction, timeout=60):
        path = f"/rooms/{urllib.parse.quote(room)}/send/m.room.message/{transaction}"
        return self.api("PUT", path, {"msgtype": "m.text", "body": text}, timeout)["event_id"]

    def join(self, room):
        return self.api("POST", f"/join/{urllib.parse.quote(room)}", {})

    def all_messages(self, room):
        """Every event of a room, oldest first, by paging backwards to its beginning."""
        events, token = [], None
        while True:
            query = {"dir": "b", "limit": "100", **({"from": token} if token else {})}
            page = self.api("GET", f"/rooms/{urllib.parse.quote(room)}/messages", **query)
            events += page["chunk"]
            if "end" not in page or not page["chunk"]:
                return events[::-1]
            token = page["end"]


class Report:
    """Counts checks and ends as a test runner does."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, condition, what):
        if condition:
            self.passed += 1
            print("PASS", what, flush=True)
        else:
            self.failed += 1
            print("FAIL", what, flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        raise SystemExit(1 if self.failed else 0)
