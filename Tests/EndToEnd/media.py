"""Media over a real server: large bodies, ranges, memory, thumbnails, previews, a crash, backup and restore, a full disk."""
import concurrent.futures
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

from engram import Engram, Report, request

report = Report()
check = report.check
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-media-"))
PREVIEWS = "url_preview_enabled: true\nurl_preview_ip_range_whitelist: ['127.0.0.1']\n"
UPLOAD = "/_matrix/media/v3/upload"
DOWNLOAD = "/_matrix/client/v1/media/download/localhost/"
THUMBNAIL = "/_matrix/client/v1/media/thumbnail/localhost/"


def ask(server, method, path, token=None, body=None, headers=None):
    """One request; returns (status, headers, bytes)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    fields = dict(headers or {})
    if token:
        fields["Authorization"] = "Bearer " + token
    try:
        connection.request(method, path, body=body, headers=fields)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def upload(server, token, content, kind="application/octet-stream", query=""):
    status, _, body = ask(server, "POST", UPLOAD + query, token, content, {"Content-Type": kind})
    assert status == 200, (status, body)
    return json.loads(body)["content_uri"].rsplit("/", 1)[1]


def resident(server):
    """Private memory of the server in KiB."""
    text = pathlib.Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_Dirty"))


def png(width, height):
    """A picture with a gradient, made with nothing but zlib."""
    rows = b"".join(b"\0" + bytes((x * 255 // width, y * 255 // height, 90)[i] for x in range(width) for i in range(3))
                    for y in range(height))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def large_bodies(server, alice):
    content = os.urandom(1 << 20) * 48
    digest = hashlib.sha256(content).hexdigest()
    before = resident(server)
    media = upload(server, alice.token, content, "video/mp4", "?filename=film.mp4")
    peak = resident(server)
    status, headers, body = ask(server, "GET", DOWNLOAD + media, alice.token)
    check(status == 200 and hashlib.sha256(body).hexdigest() == digest, "48 MiB come back as they were sent")
    check(headers["content-disposition"] == 'inline; filename="film.mp4"', "with the name they had")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: len(ask(server, "GET", DOWNLOAD + media, alice.token)[2]), range(8)))
    check(answers == [len(content)] * 8, "eight at once")
    peak = max(peak, resident(server))
    check(peak - before < 32 << 10, f"with {peak - before} KiB more memory")
    status, headers, body = ask(server, "GET", DOWNLOAD + media, alice.token, headers={"Range": "bytes=-1000"})
    check(status == 206 and body == content[-1000:], "the end alone")
    status, headers, _ = ask(server, "GET", DOWNLOAD + media, alice.token, headers={"Range": f"bytes={len(content)}-"})
    check(status == 416 and headers["content-range"] == f"bytes */{len(content)}", "nothing past the end")
    status, _, body = ask(server, "POST", UPLOAD, alice.token, b"x" * (51 << 20))
    check(status == 413 and b"M_TOO_LARGE" in body, "51 MiB are refused")
    status, _, body = ask(server, "POST", UPLOAD, None, b"x" * (1 << 20))
    check(status == 401, "without a login nothing is taken")
    return media, digest


def thumbnails(server, alice):
    picture = upload(server, alice.token, png(600, 400), "image/png")
    query = "?width=96&height=96&method=crop"
    status, headers, body = ask(server, "GET", THUMBNAIL + picture + query, alice.token)
    check(status == 200 and headers["content-type"] == "image/png" and struct.unpack(">II", body[16:24]) == (96, 96),
          "a thumbnail of the size that was asked for")
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60000, 60000, 8, 2, 0, 0, 0)
    status, _, body = ask(server, "GET", THUMBNAIL + upload(server, alice.token, bomb) + query, alice.token)
    check(status == 413 and b"M_TOO_LARGE" in body, "a picture of 3.6 gigapixels has none")
    status, _, body = ask(server, "GET", THUMBNAIL + upload(server, alice.token, b"text") + query, alice.token)
    check(status == 400 and b"M_UNKNOWN" in body, "text has none")
    status, _, body = ask(server, "GET", THUMBNAIL + picture + "?width=0&height=x", alice.token)
    check(status == 400, "no size, no thumbnail")
    return picture


# Pages that are small to send and large to read; what they say before it is shown.
BOMBS = {
    "/deep": b"<div>" * 190_000,
    "/wide": b"<p " + b"".join(b"a%d=1 " % i for i in range(80_000)) + b">",
    "/long-attribute": b'<meta property="og:description" content="' + b"x" * 900_000 + b'">',
    "/entities": b"&amp;&#x10FFFF;&lt" * 50_000,
    "/metas": b"".join(b'<meta property="og:%d" content="x">' % i for i in range(25_000)),
    "/comment": b"<!--" + b"-" * 900_000,
    "/tables": b"<table><tr><td>" * 60_000,
    "/formatting": b"<b><i><a href=x><p>" * 40_000,
    "/nul": b"\0" * 900_000,
}


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/inside":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.2:22/")
            self.end_headers()
            return
        if self.path == "/loop":
            self.send_response(301)
            self.send_header("Location", "/loop")
            self.end_headers()
            return
        if self.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            try:
                while not self.server.is_ending.wait(0.2):
                    self.wfile.write(b"<p>")
                    self.wfile.flush()
            except OSError:
                pass
            return
        body, kind = b'<meta property="og:title" content="Page"><meta property="og:image" content="p.png">', "text/html"
        body += BOMBS.get(self.path, b"")
        if self.path == "/p.png":
            body, kind = png(20, 10), "image/png"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        if self.path == "/endless":
            try:
                while True:
                    self.wfile.write(b"<p>more</p>" * 1000)
            except OSError:
                return
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def previews(server, alice):
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    web.is_ending = threading.Event()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{web.server_port}"

    def preview(url):
        status, _, body = ask(server, "GET", "/_matrix/client/v1/media/preview_url?url=" + url, alice.token)
        return status, json.loads(body)
    status, found = preview(base + "/page")
    check(status == 200 and found["og:title"] == "Page" and found["og:image:width"] == 20, "a page has a preview")
    status, _, body = ask(server, "GET", DOWNLOAD + found["og:image"].rsplit("/", 1)[1], alice.token)
    check(status == 200 and body == png(20, 10), "with its picture")
    check(preview(base + "/inside")[0] == 403, "a page that leads inside has none")
    check(preview("http://localhost:1/")[0] in (403, 502), "nor has this machine")
    check(preview("http://169.254.169.254/")[0] == 403, "nor has the cloud's")
    # The slow one takes its whole time, so the others are asked meanwhile.
    slow = []
    waiting = threading.Thread(target=lambda: slow.append(preview(base + "/slow")))
    waiting.start()
    check(preview(base + "/endless")[0] == 200, "an endless page is cut off")
    check(preview(base + "/loop")[0] == 502, "redirections end")
    before = resident(server)
    for path in BOMBS:
        status, found = preview(base + path)
        size = len(json.dumps(found))
        check(status == 200 and found["og:title"] == "Page" and size < 100_000, f"{path} has a preview of {size} bytes")
    grown = resident(server) - before
    check(grown < 96 << 10, f"with {grown} KiB more memory")
    waiting.join()
    check(slow[0][0] in (200, 502), f"a page that never comes is given up: {slow[0]}")
    web.is_ending.set()
    web.shutdown()


def crash_and_backup(server, alice, media, digest):
    server.kill()
    server.start()
    _, _, body = ask(server, "GET", DOWNLOAD + media, alice.token)
    check(hashlib.sha256(body).hexdigest() == digest, "what was acknowledged is there after kill -9")
    backup = ROOT / "backup"
    first = json.loads(server.run("backup", "create", "--to", str(backup), "--json").stdout)["media"]
    upload(server, alice.token, b"one more")
    second = json.loads(server.run("backup", "create", "--to", str(backup), "--json").stdout)["media"]
    check(first["copied"] >= 4 and second["copied"] == 1, f"backups copy what is new: {first['copied']}, then 1")
    server.stop()
    other = Engram(ROOT / "restored", extra=PREVIEWS)
    shutil.copy(server.directory / "signing.key", other.directory / "signing.key")
    other.run("restore", "--from", str(backup))
    other.start()
    _, _, body = ask(other, "GET", DOWNLOAD + media, alice.token)
    check(hashlib.sha256(body).hexdigest() == digest, "a restored server has the media")
    other.stop()
    blob = max((path for path in (backup / "media").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    with open(blob, "r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    result = subprocess.run([server.binary, "backup", "verify", "--from", str(backup)], capture_output=True, text=True)
    check(result.returncode == 1 and blob.name in result.stdout, "a damaged blob is found in the backup")


def full_disk():
    small = ROOT / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)]).returncode != 0:
        print("SKIP a full disk: mounting needs root")
        return
    try:
        server = Engram(ROOT / "full")
        text = server.config.read_text().replace(f"{server.directory}/media", str(small / "media"))
        server.config.write_text(text)
        server.start()
        bob = server.register("bob")
        kept = upload(server, bob.token, b"a" * (2 << 20))
        status, _, body = ask(server, "POST", UPLOAD, bob.token, os.urandom(16 << 20))
        check(status == 507 and b"errcode" in body, "a full disk is said clearly")
        check(not list((small / "media" / "incoming").iterdir()), "and nothing of the upload stays")
        check(len(ask(server, "GET", DOWNLOAD + kept, bob.token)[2]) == 2 << 20, "what was there is there")
        upload(server, bob.token, b"b" * (1 << 20))
        check(True, "and smaller uploads go on")
        server.stop()
    finally:
        subprocess.run(["umount", "-l", str(small)])


def main():
    server = Engram(ROOT / "server", extra=PREVIEWS).start()
    try:
        alice = server.register("alice")
        media, digest = large_bodies(server, alice)
        if shutil.which("vipsthumbnail"):
            thumbnails(server, alice)
        previews(server, alice)
        crash_and_backup(server, alice, media, digest)
        full_disk()
    finally:
        server.stop()
    shutil.rmtree(ROOT, ignore_errors=True)
    report.end()


if __name__ == "__main__":
    sys.exit(main())
