#!/usr/bin/env python3
"""Every endpoint that the server serves with every request that it must refuse.

The requests are made from the tables in `fixtures/endpoints` (those that ONLY names): each body with each member missing, of each
wrong type, too long, too deep, doubled; each parameter of paths and queries with what it cannot be. Each gets a 4xx with an
`errcode`, none a 5xx, and the server that answers the last one is the process that answered the first.
"""
import collections
import copy
import http.client
import json
import os
import pathlib
import tempfile
import time
import urllib.parse
import urllib.request

from engram import Engram, Report

EXTRA = """\
presence: {enabled: true}
url_preview_enabled: true
max_event_delay_duration: 24h
max_delayed_events_per_user: 100000
rc_delayed_event_mgmt: {per_second: 1000000, burst_count: 1000000}
server_notices: {system_mxid_localpart: notices}
"""
TABLES = pathlib.Path(__file__).parents[2] / "fixtures" / "endpoints"
report = Report()
DEEP = 200
LONG = "x" * 70_000
LONG_ID = "x" * 300
WRONG = {
    "string": [5, True, [], {}, 1.5],
    "integer": ["five", True, [], {}, 1.5],
    "number": ["five", True, [], {}],
    "boolean": ["true", 5, [], {}],
    "array": ["text", 5, True, {}],
    "object": ["text", 5, True, []],
    "null": [],
}


# What a schema does not allow and a server takes all the same, with the reason.
ACCEPTED = {
    # Clients of old ask so for all devices of a user.
    "POST /_matrix/client/v3/keys/query: device_keys.@alice:localhost: {}",
    # A backup is kept for clients that know more algorithms than their server.
    "POST /_matrix/client/v3/room_keys/version: algorithm: none of its values",
    "PUT /_matrix/client/v3/room_keys/version/{version}: algorithm: none of its values",
    # What is in `data` is between a client and its gateway, whose formats may be others.
    "POST /_matrix/client/v3/pushers/set: data.format: none of its values",
}


class Connection:
    """One connection that is kept, and opened again only when the server says so."""

    def __init__(self, server):
        self.server, self.link, self.sent, self.dropped = server, None, 0, []
        self.answers = collections.Counter()

    def send(self, method, path, token=None, raw=None):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + token
        for attempt in range(2):
            if self.link is None:
                self.link = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
            try:
                self.link.putrequest(method, path, skip_accept_encoding=True)
                for name, value in headers.items():
                    self.link.putheader(name, value)
                if raw is not None:
                    self.link.putheader("Content-Length", str(len(raw)))
                self.link.endheaders(raw)
                answer = self.link.getresponse()
                text = answer.read()
                if answer.will_close:
                    self.link = None
                break
            except (http.client.HTTPException, OSError) as error:
                self.link = None
                # A kept connection may have been closed just before it was used again; a new one may not.
                if attempt:
                    self.dropped.append((method, path[:80], repr(error)))
                    return 0, {}
        self.sent += 1
        self.answers[answer.status // 100] += 1
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, None


class World:
    """What the paths and bodies may name: users, a room, an event, media."""

    def __init__(self, server):
        self.server = server
        self.alice = server.register_by_secret("alice", admin=True)
        self.bob = server.register("bob")
        self.room = self.alice.create_room(name="bad requests", room_alias_name="bad")
        self.event = self.alice.send(self.room, "something to name", "named")
        media = server.api("POST", "/_matrix/media/v3/upload", {"any": "bytes"}, self.alice.token)["content_uri"].split("/")[-1]
        backup = self.alice.api("POST", "/room_keys/version", {
            "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "abc"}})["version"]
        filter_id = self.alice.api("POST", f"/user/{self.alice.id}/filter", {})["filter_id"]
        self.alice.api("PUT", "/pushrules/global/content/mine", {"actions": ["notify"], "pattern": "word"})
        self.sync = self.alice.api("GET", "/sync")["next_batch"]
        self.spare = self.alice.create_room(name="to leave")
        delay = self.alice.api("PUT", f"/rooms/{urllib.parse.quote(self.room)}/send/m.room.message/later", {"body": "later"},
                               **{"org.matrix.msc4140.delay": 3_600_000})["delay_id"]
        openid = self.alice.api("POST", f"/user/{self.alice.id}/openid/request_token", {})["access_token"]
        self.transaction = 0
        self.path = {
            "userId": self.alice.id, "roomId": self.room, "eventId": self.event, "eventType": "org.example.bad",
            "stateKey": "key", "roomAlias": "#bad2:localhost", "roomIdOrAlias": self.room, "deviceId": self.alice.device,
            "receiptType": "m.read", "keyName": "displayname", "type": "org.example.data", "tag": "u.work",
            "filterId": filter_id, "version": backup, "sessionId": "session", "kind": "content", "ruleId": "mine",
            "serverName": "localhost", "mediaId": media, "fileName": "name.png", "protocol": "irc", "relType": "m.thread",
            "networkId": "network", "appserviceId": "service", "idpId": "provider",
            "delayId": delay, "action": "restart",
        }
        self.query = {"version": backup, "ts": "1", "dir": "b", "user_id": self.bob.id, "url": "http://127.0.0.1:1/",
                      "from": self.sync, "to": self.sync, "since": self.sync, "filter": filter_id, "timeout": "0",
                      "timeout_ms": "0", "username": "carol", "token": "token", "width": "32", "height": "32",
                      "access_token": openid}
        self.body = {
            "user_id": self.bob.id, "room_id": self.room, "new_version": "11", "preset": "public_chat",
            "room_version": "11", "visibility": "private", "username": "carol", "name": "a name",
            "m.fully_read": self.event, "m.read": self.event, "m.read.private": self.event, "thread_id": "main",
            "room_alias_name": "bad3", "device_id": "DEVICE", "search_term": "something", "kind": "http",
            "event_format": "client", "version": backup, "actions": "notify", "mxid": self.alice.id, "sender": self.bob.id,
            "transaction_id": "t1", "senders": self.alice.id, "not_senders": self.bob.id, "rooms": self.room, "not_rooms": self.room,
            "additional_creators": self.bob.id, "invite": self.bob.id, "since": "n1_1",
        }
        own = {"user_id": self.alice.id, "device_id": self.alice.device}
        self.special = {
            "/login": {"type": "m.login.password", "password": "wrong", "identifier": {"type": "m.id.user", "user": "alice"}},
            "/keys/upload": {
                "device_keys": {**own, "algorithms": ["m.olm.v1.curve25519-aes-sha2"], "keys": {"key": "text"},
                                "signatures": {self.alice.id: {"key": "text"}}},
                "one_time_keys": {"curve25519:AAAAAQ": "text"}, "fallback_keys": {}},
            "/keys/upload/{deviceId}": {
                "device_keys": {**own, "algorithms": ["m.olm.v1.curve25519-aes-sha2"], "keys": {"key": "text"},
                                "signatures": {self.alice.id: {"key": "text"}}},
                "one_time_keys": {"curve25519:AAAAAQ": "text"}, "fallback_keys": {}},
            "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device": {
                "device_keys": {"user_id": self.alice.id, "device_id": "DEVICE", "keys": {"key": "text"},
                                "algorithms": ["m.olm.v1.curve25519-aes-sha2"], "signatures": {self.alice.id: {"key": "text"}}},
                "one_time_keys": {"curve25519:AAAAAQ": "text"}, "fallback_keys": {}},
            "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events": {"next_batch": self.sync},
            "/_matrix/client/unstable/org.matrix.msc4140/rooms/{roomId}/delayed_event/{eventType}/{txnId}": {
                "delay_ms": 3_600_000},
            "/_matrix/client/v4/sync": {"pos": "", "timeout": 0, **self.sliding("threads")},
            "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync": self.sliding("io.element.msc4360.threads"),
            "/pushers/set": {"data": {"url": "https://push.example.org/_matrix/push/v1/notify", "format": "event_id_only"}},
            "/user/{userId}/filter": {"event_fields": ["type"]},
            "/profile/{userId}/{keyName}": {"displayname": "Alice"},
        }

    def sliding(self, threads):
        """A first request of a connection, with everything turned on that is read then."""
        scope = {"enabled": True, "lists": ["key"], "rooms": [self.room]}
        return {"extensions": {
            "to_device": {"enabled": True, "since": self.sync, "limit": 1}, "e2ee": {"enabled": True}, "account_data": scope,
            "receipts": scope, "typing": scope, threads: {"enabled": True, "include_roots": True, "limit": 1}}}

    def key(self, path):
        """The key of an object whose keys are no names: of a user, of a device, of a room."""
        names = {"device_keys": self.alice.id, "messages": self.bob.id, "rooms": self.room, "one_time_keys": self.alice.id,
                 "signatures": self.alice.id, "room_subscriptions": self.room}
        if len(path) == 1:
            return names.get(path[-1], "key")
        return self.alice.device if path and path[-1] in (self.alice.id, self.bob.id) else names.get(path[-1] if path else "", "key")

    def fill(self, entry, **instead):
        """The path of an endpoint with everything in place, or one parameter replaced, already escaped."""
        path = entry["path"].strip()
        for parameter in entry["parameters"]:
            if parameter["in"] == "path":
                name = parameter["name"]
                value = instead.get(name)
                if value is None:
                    value = urllib.parse.quote(self.value(entry, name), safe="")
                path = path.replace("{" + name + "}", value)
        return path

    def value(self, entry, name):
        if name == "txnId":
            self.transaction += 1
            return f"bad{self.transaction}"
        # Nobody is locked or told on but another.
        if name == "userId" and ("/admin/" in entry["path"] or entry["path"].endswith("/report")):
            return self.bob.id
        if name == "deviceId" and "dehydrated" in entry["path"]:
            return "DEVICE"
        # A room that may be left and replaced, while the others need theirs.
        if name in ("roomId", "roomIdOrAlias") and entry["path"].strip().endswith(("/leave", "/upgrade", "/forget")):
            return self.spare
        return self.path[name]

    def right_body(self, entry):
        """A body that is accepted, or refused only when all of it has been read."""
        body = sample(entry["body"], self)
        special = self.special.get(entry["path"].strip().split("/v3", 1)[-1])
        # A stage that is in no flow: nothing that asks for authentication is done.
        if "interactive" in entry:
            body["auth"] = {"type": "org.example.nothing"}
        # Good once, for whoever has the rest right.
        if "nonce" in body:
            body["nonce"] = self.server.api("GET", entry["path"])["nonce"]
        return {**body, **special} if special else body

    def required(self, entry):
        return {p["name"]: self.query.get(p["name"], "x") for p in entry["parameters"]
                if p["in"] == "query" and (p["required"] or p["name"] in WAITS)}


def url(path, query):
    return path + ("?" + urllib.parse.urlencode(query) if query else "")


# MARK: Bodies

def sample(schema, world, name="", path=()):
    """A body that is right, or wrong only in what no schema can tell."""
    if name in world.body and ("string" in kinds(schema) or not kinds(schema)):
        return world.body[name]
    if "enum" in schema:
        return schema["enum"][0]
    if "oneOf" in schema:
        return sample(schema["oneOf"][0], world, name, path)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        made = {inner: sample(value, world, inner, path + (inner,))
                for inner, value in schema.get("properties", {}).items()}
        if not made and schema.get("additionalProperties"):
            key = world.key(path)
            made = {key: sample(schema["additionalProperties"], world, "", path + (key,))}
        return made
    if kind == "array":
        return [sample(schema.get("items", {}), world, name, path + (0,))]
    return {"string": "text", "integer": 1, "number": 0.5, "boolean": False, "null": None}[kind]


def kinds(schema):
    if "oneOf" in schema:
        return {kind for part in schema["oneOf"] for kind in kinds(part)}
    kind = schema.get("type", "object" if "properties" in schema else None)
    return set(kind if isinstance(kind, list) else [kind] if kind else [])


def places(schema, world, path=()):
    """Every member of a schema with the path to it, what it may be, and whether it must be there."""
    for name, value in schema.get("properties", {}).items():
        yield path + (name,), value, name in schema.get("required", [])
        yield from places(value, world, path + (name,))
    if not schema.get("properties") and schema.get("additionalProperties"):
        value = schema["additionalProperties"]
        key = world.key(path)
        yield path + (key,), value, False
        yield from places(value, world, path + (key,))
    if "array" in kinds(schema) and schema.get("items"):
        yield path + (0,), schema["items"], False
        yield from places(schema["items"], world, path + (0,))


def changed(body, path, value, remove=False):
    """A copy with one member replaced or removed; nil when the sample does not reach it."""
    body = copy.deepcopy(body)
    at = body
    for part in path[:-1]:
        if not isinstance(at, (dict, list)) or (isinstance(at, dict) and part not in at):
            return None
        at = at[part]
    if not isinstance(at, (dict, list)):
        return None
    if remove:
        if isinstance(at, list) or path[-1] not in at:
            return None
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return body


def nested(levels):
    return json.loads('{"a":' * levels + "1" + "}" * levels)


def bad_bodies(schema, body, world):
    """What is wrong in a word, the bytes, and whether it must be refused."""
    yield "not JSON", b"hello", True
    yield "cut off", b'{"a":', True
    yield "an array", b"[]", True
    yield "a string", b'"text"', True
    yield "a number", b"5", True
    yield "null", b"null", True
    yield "bytes that are not UTF-8", b'{"a":"\xff\xfe"}', True
    yield "a raw control character", b'{"a":"\x01"}', True
    yield "a lone surrogate", b'{"a":"\\ud800"}', True
    yield "200 levels", json.dumps({**body, "org.example.deep": nested(DEEP)}).encode(), True
    yield "5000 levels", b'{"a":' * 5000 + b"1" + b"}" * 5000, True
    yield "an enormous integer", b'{"a":' + b"9" * 400 + b"}", True
    text = json.dumps(body)
    yield "every key twice", (text[:-1] + ("," if body else "") + text[1:]).encode(), False
    for path, inner, required in places(schema, world):
        name = ".".join(map(str, path))
        types = kinds(inner)
        if required:
            yield f"no {name}", json.dumps(changed(body, path, None, remove=True)).encode(), True
        for value in wrong_values(types):
            made = changed(body, path, value)
            if made is not None:
                yield f"{name}: {json.dumps(value)}", json.dumps(made).encode(), True
        if "integer" in types:
            for number in ("9007199254740993", "-9007199254740993", "1e400", "9" * 30):
                made = changed(body, path, "NUMBER")
                if made is not None:
                    yield f"{name}: {number}", json.dumps(made).replace('"NUMBER"', number).encode(), True
        if "string" in types:
            made = changed(body, path, "SURROGATE")
            if made is not None:
                yield f"{name}: a lone surrogate", json.dumps(made).replace("SURROGATE", "\\ud800").encode(), True
                yield f"{name}: 70 KB", json.dumps(changed(body, path, LONG)).encode(), False
                yield f"{name}: a NUL", json.dumps(changed(body, path, "a\0b")).encode(), False
                yield f"{name}: empty", json.dumps(changed(body, path, "")).encode(), False
            if "enum" in inner:
                yield f"{name}: none of its values", json.dumps(changed(body, path, "nonsense")).encode(), True
        if "object" in types and changed(body, path, {}) is not None:
            yield f"{name}: {DEEP} levels", json.dumps(changed(body, path, nested(DEEP))).encode(), True
            yield f"{name}: a key of 300 letters", json.dumps(changed(body, path, {LONG_ID: {}})).encode(), False


def wrong_values(types):
    if not types:
        return []
    def fits(value):
        return any(isinstance(value, python) and not (isinstance(value, bool) and kind != "boolean")
                   for kind, python in (("string", str), ("integer", int), ("number", (int, float)), ("boolean", bool),
                                        ("array", list), ("object", dict)) if kind in types)
    return [value for value in WRONG[sorted(types)[0]] if not fits(value)]


# MARK: What may come back

def is_refusal(status, answer):
    return 400 <= status < 500 and isinstance(answer, dict) and str(answer.get("errcode", "")).startswith("M_")


def is_challenge(status, answer):
    return status == 401 and isinstance(answer, dict) and "flows" in answer


class Findings:
    def __init__(self):
        self.list, self.counts = [], collections.Counter()

    def judge(self, entry, what, status, answer, must_refuse, allowed=(400,)):
        self.counts[status] += 1
        name = f"{entry['method']} {entry['path'].strip()}: {what}"
        if name in ACCEPTED:
            must_refuse = False
        code = answer.get("errcode") if isinstance(answer, dict) else None
        if status == 0:
            self.list.append(f"{name}: the connection was dropped")
        elif status >= 500:
            self.list.append(f"{name}: {status} {code}")
        elif status >= 400 and not is_refusal(status, answer) and not is_challenge(status, answer):
            self.list.append(f"{name}: {status} without an errcode: {answer}")
        elif must_refuse and status not in allowed:
            self.list.append(f"{name}: {status} {code or ''}")
        elif must_refuse and what in ("not JSON", "cut off") and code != "M_NOT_JSON":
            self.list.append(f"{name}: {code} for what is no JSON")
        elif must_refuse and status == 400 and code in ("M_UNKNOWN", "M_FORBIDDEN"):
            self.list.append(f"{name}: {code} does not say what is wrong")


# MARK: Paths and queries

BAD_PARTS = ["%00", "%ff", "%zz", "%", "%F0%9F%92%A5", "..", "%2F", "%2e%2e%2fetc%2fpasswd", "a%0D%0Ab", "%20", LONG_ID,
             urllib.parse.quote("@" + LONG_ID + ":localhost"), urllib.parse.quote("!" + LONG_ID + ":localhost"),
             urllib.parse.quote("#" + LONG_ID + ":localhost"), urllib.parse.quote("$" + LONG_ID), "%40", "%21", "%24", "%23",
             "%40a:", "%23:localhost", "-1", "9" * 30]
# Escapes that are none, and a NUL, are no text: the request line itself is refused.
NO_TEXT = ["%00", "%ff", "%zz", "%"]
IDENTIFIERS = {"userId", "roomId", "eventId", "roomAlias", "roomIdOrAlias", "filterId"}
# How long an answer may wait for something to happen: not at all here.
WAITS = {"timeout", "timeout_ms"}
TOKENS = {"from", "to", "since", "at", "next_batch"}


def bad_queries(parameter):
    """What a parameter of a query cannot be, and whether it must be refused."""
    name, kind = parameter["name"], parameter.get("type")
    for value in NO_TEXT:
        yield value, True
    yield LONG_ID, False
    if name not in WAITS:
        yield "", False
    if kind in ("integer", "number"):
        for value in ("five", "1.5", "9" * 25, "0x10", "%C2%B2"):
            yield value, True
        if name not in WAITS:
            yield "-1", name in ("limit", "width", "height", "max_depth")
            yield "9007199254740991", False
    elif kind == "boolean":
        yield "maybe", True
        yield "5", True
    elif "enum" in parameter:
        yield "nonsense", True
    elif name in TOKENS:
        for value in ("garbage", "s1_2_3_4_5_6_7", "s-1_-1_-1", "9" * 25, "%22"):
            yield value, name != "next_batch"
    elif name == "filter":
        for value in ("%7Bbroken", "%5B%5D", "%7B%22limit%22:%22x%22%7D", "%7B%22room%22:5%7D", urllib.parse.quote(json.dumps(nested(DEEP)))):
            yield value, value not in ("%7B%22room%22:5%7D", "%7B%22limit%22:%22x%22%7D")


# MARK: One endpoint

def probe(entry, world, connection, findings, skipped):
    # Who may come without a token may come with one.
    token = world.alice.token
    name = f"{entry['method']} {entry['path'].strip()}"
    raw = json.dumps(world.right_body(entry)).encode() if "body" in entry else None
    if entry["method"] == "POST" and raw is None:
        raw = b""
    required = world.required(entry)
    if "body" in entry:
        status, answer = connection.send(entry["method"], url(world.fill(entry), required), token, b"[")
        if isinstance(answer, dict) and answer.get("errcode") == "M_UNRECOGNIZED":
            skipped.append(name)
            return
        right = connection.send(entry["method"], url(world.fill(entry), required), token, raw)
        findings.judge(entry, "a body that is right", *right, False)
        for what, body, must in bad_bodies(entry["body"], world.right_body(entry), world):
            status, answer = connection.send(entry["method"], url(world.fill(entry), required), token, body)
            allowed = (400, 413) if len(body) > 60_000 else (400,)
            if "interactive" in entry and what.startswith("no "):
                allowed += (401,)
            findings.judge(entry, what, status, answer, must, allowed)
    for parameter in entry["parameters"]:
        if parameter["in"] == "path":
            for bad in BAD_PARTS:
                place = url(world.fill(entry, **{parameter["name"]: bad}), required)
                status, answer = connection.send(entry["method"], place, token, raw)
                must = bad in NO_TEXT or parameter["name"] in IDENTIFIERS
                findings.judge(entry, f"{parameter['name']} {bad[:40]} in the path", status, answer, must, (400, 403, 404, 405))
        else:
            for bad, must in bad_queries(parameter):
                query = urllib.parse.urlencode({k: v for k, v in required.items() if k != parameter["name"]})
                place = f"{world.fill(entry)}?{query}{'&' if query else ''}{parameter['name']}={bad}"
                status, answer = connection.send(entry["method"], place, token, raw)
                allowed = (400,) if bad in NO_TEXT else (400, 403, 404)
                findings.judge(entry, f"{parameter['name']}={bad[:40]}", status, answer, must, allowed)


def main():
    server = Engram(tempfile.mkdtemp(prefix="engram-requests-") + "/hs", extra=EXTRA).start()
    world = World(server)
    names = os.environ.get("ONLY", "client-server beyond-specification").split()
    table = [entry for name in names for entry in json.loads((TABLES / f"{name}.json").read_text())]
    connection, findings = Connection(server), Findings()
    started = time.monotonic()
    skipped = []
    for entry in table:
        before, sent = time.monotonic(), connection.sent
        probe(entry, world, connection, findings, skipped)
        if time.monotonic() - before > 3:
            print(f"      {entry['method']} {entry['path']}: {connection.sent - sent} requests in "
                  f"{time.monotonic() - before:.1f} s", flush=True)
    pid_alive = server.process.poll() is None
    for finding in findings.list:
        print("     ", finding)
    print(f"{connection.sent} requests in {time.monotonic() - started:.0f} s: {dict(findings.counts)}; "
          f"not served: {len(skipped)}: {skipped}")
    report.check(not findings.list, f"every bad request is refused as it should be ({len(findings.list)} are not)")
    with urllib.request.urlopen(server.url + "/metrics") as answer:
        lines = [line for line in answer.read().decode().splitlines() if "_count{" in line]
    counted = [line for line in lines if 'status="5xx"' in line]
    refused = sum(float(line.split()[-1]) for line in lines if 'status="4xx"' in line)
    report.check(refused > 5000 and not counted, f"the metrics count {refused:.0f} refusals and no 5xx {counted}")
    report.check(not connection.dropped, f"no connection was dropped {connection.dropped[:5]}")
    report.check(pid_alive and connection.send("GET", "/health")[0] == 200, "the same process still serves")
    server.stop()
    report.end()


if __name__ == "__main__":
    main()
