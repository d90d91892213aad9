#!/usr/bin/env python3
"""Media against what they are measured by: nginx without sendfile, and the `vipsthumbnail` command.

    tools/bench/media.py PATH_TO_ENGRAM        needs curl, nginx and libvips-tools
"""
import concurrent.futures
import http.client
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests" / "EndToEnd"))
from engram import Engram, free_port, request  # noqa: E402

ROOT = pathlib.Path(tempfile.mkdtemp(prefix="engram-media-bench-"))
ROUNDS = 7
NGINX = """\
user root; worker_processes 1; daemon off; pid {root}/nginx.pid; error_log {root}/nginx.log;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile off; client_body_temp_path {root}/b; proxy_temp_path {root}/p;
  fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  server {{ listen 127.0.0.1:{port}; root {root}/www; }} }}
"""


def memory(pid, field="Private_Dirty"):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(field)) / 1024


def curl(url, token=None, times=4):
    """Seconds for so many downloads on one connection."""
    command = ["curl", "-s", "--fail", *(["-H", f"Authorization: Bearer {token}"] if token else [])]
    for _ in range(times):
        command += ["-o", "/dev/null", url]
    started = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - started


def fetch(server, path, token):
    """Seconds for one request, without the start of a program."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    started = time.monotonic()
    connection.request("GET", path, headers={"Authorization": "Bearer " + token})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 200, answer.status
    return time.monotonic() - started


def upload(server, token, content):
    status, answer = request(server.url + "/_matrix/media/v3/upload", "POST", token=token, raw=content,
                             headers={"Content-Type": "application/octet-stream"})
    assert status == 200, answer
    return answer["content_uri"].rsplit("/", 1)[1]


def downloads(server, alice):
    (ROOT / "www").mkdir()
    content = os.urandom(1 << 20) * 50
    (ROOT / "www" / "file").write_bytes(content)
    port = free_port()
    (ROOT / "nginx.conf").write_text(NGINX.format(root=ROOT, port=port))
    nginx = subprocess.Popen(["nginx", "-c", str(ROOT / "nginx.conf")], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        compare_downloads(server, alice, content, f"http://127.0.0.1:{port}/file")
    finally:
        nginx.terminate()
        nginx.wait()


def compare_downloads(server, alice, content, theirs):
    media = upload(server, alice.token, content)
    own = f"{server.url}/_matrix/client/v1/media/download/localhost/{media}"
    curl(theirs), curl(own, alice.token)
    before = memory(server.process.pid)
    pairs = [(curl(own, alice.token), curl(theirs)) for _ in range(ROUNDS)]
    rates = [[50 * 4 / pair[side] for pair in pairs] for side in (0, 1)]
    print(f"download of 50 MiB: engram {statistics.median(rates[0]):.0f} MiB/s, nginx without sendfile "
          f"{statistics.median(rates[1]):.0f} MiB/s, ratio {statistics.median(b / a for a, b in pairs):.2f} (bar 0.7)")
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda _: curl(own, alice.token, 1), range(64)))
    print(f"memory: {before:.1f} MiB before, {memory(server.process.pid):.1f} MiB after {ROUNDS * 4} in a row and 64 of "
          "which 32 at once")


def picture(path, seed):
    """A 12-megapixel JPEG with detail of every size."""
    base = ROOT / "work"
    steps = [["perlin", f"{base}.v", "4000", "3000", "--cell-size", "200", "--seed", str(seed)],
             ["scale", f"{base}.v", f"{base}2.v"],
             ["gaussnoise", f"{base}3.v", "4000", "3000", "--mean", "0", "--sigma", "12", "--seed", str(seed)],
             ["add", f"{base}2.v", f"{base}3.v", f"{base}4.v"], ["cast", f"{base}4.v", f"{base}5.v", "uchar"],
             ["bandjoin", " ".join([f"{base}5.v"] * 3), f"{base}6.v"], ["copy", f"{base}6.v", f"{path}[Q=85]"]]
    for step in steps:
        subprocess.run(["vips", *step], check=True)


def thumbnails(server, alice):
    jpeg = ROOT / "big.jpg"
    picture(jpeg, 1)
    content = jpeg.read_bytes()
    pairs = []
    for number in range(ROUNDS):
        # Bytes behind the end of a JPEG change its name and nothing else: each is made anew.
        media = upload(server, alice.token, content + str(number).encode())
        # What is made after an upload without being asked for has to be over first.
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and subprocess.run(["pgrep", "-f", "vipsthumbnail.*blobs"],
                                                            capture_output=True).returncode == 0:
            time.sleep(0.05)
        path = f"/_matrix/client/v1/media/thumbnail/localhost/{media}?width=700&height=500&method=scale"
        shutil.rmtree(server.directory / "media" / "thumbnails")
        own = fetch(server, path, alice.token)
        started = time.monotonic()
        subprocess.run(["vipsthumbnail", str(jpeg), "--size", "800x600>", "--output", f"{ROOT}/t.jpg[Q=80,strip]"],
                       check=True)
        pairs.append((own, time.monotonic() - started))
    print(f"thumbnail of {len(content) / 1e6:.1f} MB, 12 megapixels: engram "
          f"{statistics.median(a for a, _ in pairs) * 1000:.0f} ms, vipsthumbnail "
          f"{statistics.median(b for _, b in pairs) * 1000:.0f} ms, ratio "
          f"{statistics.median(a / b for a, b in pairs):.2f} (bar 1.2)")
    many = [upload(server, alice.token, content + b"x" + str(number).encode()) for number in range(64)]
    shutil.rmtree(server.directory / "media" / "thumbnails", ignore_errors=True)
    peak, running = [0.0], [True]

    def watch():
        while running[0]:
            children = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True)
            total = memory(server.process.pid)
            for child in children.stdout.split():
                try:
                    total += memory(child)
                except OSError:
                    pass
            peak[0] = max(peak[0], total)
            time.sleep(0.02)

    with concurrent.futures.ThreadPoolExecutor(65) as pool:
        watcher = pool.submit(watch)
        started = time.monotonic()
        list(pool.map(lambda media: fetch(
            server, f"/_matrix/client/v1/media/thumbnail/localhost/{media}?width=320&height=240&method=scale",
            alice.token), many))
        seconds = time.monotonic() - started
        running[0] = False
        watcher.result()
    print(f"64 thumbnails at once: {seconds:.1f} s, at most {peak[0]:.0f} MiB of server and children together")


def main():
    server = Engram(ROOT / "server", binary=sys.argv[1]).start()
    try:
        alice = server.register("alice")
        downloads(server, alice)
        thumbnails(server, alice)
    finally:
        server.stop()
        shutil.rmtree(ROOT, ignore_errors=True)


main()
