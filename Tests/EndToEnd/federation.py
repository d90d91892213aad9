"""Two servers with TLS of their own that ask each other: keys, signed requests, refusals, notaries, restarts."""
import pathlib
import shutil
import sys
import tempfile
import time

from engram import Report, request
from federation_world import SigningPeer, World

report = Report()
check = report.check
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-federation-"))


def published_keys(world, one, two):
    status, keys = one.federation("GET", "/_matrix/key/v2/server")
    check(status == 200 and keys["server_name"] == one.name and len(keys["verify_keys"]) == 1
          and keys["valid_until_ts"] > time.time() * 1000 + 3_600_000, "a server publishes its keys")
    key_id = next(iter(keys["verify_keys"]))
    check(one.federation("GET", f"/_matrix/key/v2/server/{key_id}")[1]["verify_keys"] == keys["verify_keys"],
          "and answers those who name a key")
    check(world.is_signed(keys, one.name, keys["verify_keys"][key_id]["key"], key_id), "the document is signed")
    status, version = two.federation("GET", "/_matrix/federation/v1/version")
    check(status == 200 and version["server"]["name"] == "Engram", "a server says what it is")


def notary(world, one, two):
    """One asks two for its keys on behalf of others, over TLS, and signs what it got."""
    status, answer = one.federation("GET", f"/_matrix/key/v2/query/{two.name}")
    documents = answer.get("server_keys", [])
    check(status == 200 and len(documents) == 1 and documents[0]["server_name"] == two.name,
          "a notary fetches another server's keys")
    own = one.federation("GET", "/_matrix/key/v2/server")[1]["verify_keys"]
    key_id = next(iter(own))
    check(bool(documents) and world.is_signed(documents[0], one.name, own[key_id]["key"], key_id)
          and two.name in documents[0]["signatures"], "and signs them beside that server")
    status, answer = two.federation("POST", "/_matrix/key/v2/query", {
        "server_keys": {one.name: {}, two.name: {}, "localhost:1": {}}})
    names = sorted(document["server_name"] for document in answer.get("server_keys", []))
    check(status == 200 and names == sorted([one.name, two.name]), "a query for several leaves out who is away")
    status, answer = two.federation("POST", "/_matrix/key/v2/query", {"server_keys": {"no name": {}}})
    check(status == 400, "a query for what is no name is refused")


def requests(world, one, peer):
    """A peer of the test's own, with a key server of its own, signs requests to one."""
    path = "/_matrix/federation/v1/query/profile?user_id=%40nobody%3A" + one.name.replace(":", "%3A")
    status, answer = peer.send(one, "GET", path)
    check(status not in (401, 403), f"a signed request is taken ({status})")
    status, answer = one.federation("GET", path)
    check(status == 401 and answer["errcode"] == "M_UNAUTHORIZED", "one that is not signed is refused")
    status, answer = peer.send(one, "GET", path, damage=True)
    check(status == 401, "and so is one with a wrong signature")
    status, answer = peer.send(one, "GET", path, destination="elsewhere.example")
    check(status == 401, "one that is meant for another server")
    status, answer = peer.send(one, "GET", path, signed_path=path + "&x=1")
    check(status == 401, "one whose target is not what was signed")
    status, answer = peer.send(one, "GET", path, name="localhost:1")
    check(status == 401, "one in the name of a server whose keys cannot be had")
    before = peer.key_requests
    for _ in range(5):
        peer.send(one, "GET", path)
    check(peer.key_requests == before, "keys are fetched once")


def restart(world, one, peer):
    before = peer.key_requests
    one.kill()
    one.start()
    path = "/_matrix/federation/v1/query/profile?user_id=%40nobody%3A" + one.name.replace(":", "%3A")
    status, _ = peer.send(one, "GET", path)
    check(status not in (401, 403) and peer.key_requests == before, "keys are known after a crash")
    one.stop()
    result = one.run("rebuild", "--verify", check=False)
    check(result.returncode == 0, "a rebuild makes the same tables")
    one.start()


def whitelist(world, peer):
    closed = world.server("closed", "federation_domain_whitelist: ['somebody.example']\n").start()
    path = "/_matrix/federation/v1/query/profile?user_id=%40a%3Ab"
    status, answer = peer.send(closed, "GET", path)
    check(status == 403 and answer["errcode"] == "M_FORBIDDEN", "a server outside the whitelist is refused")
    status, answer = closed.federation("GET", f"/_matrix/key/v2/query/{peer.name}")
    check(status == 200 and answer == {"server_keys": []}, "and not asked")
    closed.stop()


def well_known(world):
    other = world.server("wellknown", "serve_server_wellknown: true\n").start()
    status, answer = other.federation("GET", "/.well-known/matrix/server")
    check(status == 200 and answer == {"m.server": "localhost:443"}, "a server says where it is found")
    check(request(other.url + "/_matrix/key/v2/server")[0] == 404, "a listener for clients has no keys")
    other.stop()


def main():
    world = World(ROOT)
    one, two = world.server("one").start(), world.server("two").start()
    peer = SigningPeer(world)
    try:
        check(one.federation("GET", "/.well-known/matrix/server")[0] == 404, "nobody is delegated to unless it is wanted")
        published_keys(world, one, two)
        notary(world, one, two)
        requests(world, one, peer)
        restart(world, one, peer)
        whitelist(world, peer)
        well_known(world)
    finally:
        one.stop()
        two.stop()
        peer.stop()
    shutil.rmtree(ROOT, ignore_errors=True)
    report.end()


if __name__ == "__main__":
    sys.exit(main())
