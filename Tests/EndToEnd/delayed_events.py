"""Delayed events (MSC4140) are sent once each, whatever happens to the server meanwhile."""
import pathlib
import tempfile
import time
import urllib.parse

from engram import Engram, request

COUNT = 40
UNSTABLE = "/_matrix/client/unstable/org.matrix.msc4140"


def main():
    with tempfile.TemporaryDirectory() as folder:
        extra = "max_event_delay_duration: 24h\nrc_delayed_event_mgmt: {per_second: 1000000, burst_count: 1000000}\n"
        server = Engram(pathlib.Path(folder) / "server", extra=extra)
        server.start()
        try:
            check(server)
        finally:
            server.kill()


def check(server):
    client = server.url + "/_matrix/client/v3"
    status, account = request(
        client + "/register", "POST",
        {"username": "alice", "password": "a password", "auth": {"type": "m.login.dummy"}})
    assert status == 200, account
    token = account["access_token"]
    rooms = []
    for _ in range(2):
        status, made = request(client + "/createRoom", "POST", {}, token)
        assert status == 200, made
        rooms.append(made["room_id"])
    paths = [f"{client}/rooms/{urllib.parse.quote(room)}" for room in rooms]

    def schedule(number, delay):
        status, answer = request(
            f"{paths[number % 2]}/send/m.room.message/{number}?org.matrix.msc4140.delay={delay}", "PUT",
            {"msgtype": "m.text", "body": str(number)}, token)
        assert status == 200 and "delay_id" in answer, answer
        return answer["delay_id"]

    ids = [schedule(number, 1500 + number) for number in range(COUNT)]
    far = schedule(COUNT, 3_600_000)
    # Nothing is lost when the server is down while they come due …
    server.kill()
    time.sleep(1.0)
    server.start()
    # … or is killed again and again while it sends them.
    for _ in range(3):
        server.kill()
        server.start()

    def look(delay_id):
        status, answer = request(f"{server.url}{UNSTABLE}/delayed_events/{delay_id}", token=token)
        assert status == 200, answer
        return answer

    deadline = time.monotonic() + 60
    while any("finalised_ts" not in look(delay_id) for delay_id in ids):
        assert time.monotonic() < deadline, "some were never sent"
        time.sleep(0.1)
    seen = []
    for path in paths:
        status, page = request(f"{path}/messages?dir=f&limit=1000", token=token)
        assert status == 200, page
        bodies = [event["content"]["body"] for event in page["chunk"] if event["type"] == "m.room.message"]
        assert bodies == sorted(bodies, key=int), "not in the order of their times"
        seen += bodies
    assert sorted(seen, key=int) == [str(number) for number in range(COUNT)], seen
    for delay_id in ids:
        assert "event_id" in look(delay_id)
    # The timer of what is left goes on where it was.
    assert "finalised_ts" not in look(far)
    status, answer = request(f"{server.url}{UNSTABLE}/delayed_events/{far}/cancel", "POST", {}, token)
    assert status == 200, answer
    server.kill()
    server.start()
    assert "finalised_ts" in look(far) and "event_id" not in look(far)
    print(f"delayed events: {COUNT} sent once each over 5 kills, one cancelled")


if __name__ == "__main__":
    main()
