"""Servers with TLS on `localhost:PORT` names, and peers that the tests play themselves; shared by federation tests.

`World` makes the certificates. `world.server(name)` is an Engram with two listeners: plain HTTP for clients (`url`), TLS for
servers (`name` is its server name). `Peer` is a server of the test's own: it publishes a key and signs requests.
"""
import base64
import http.server
import json
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from engram import Engram, free_port

EXTRA = """\
tls_certificate_path: {certificate}
tls_private_key_path: {key}
federation_custom_ca_list: ['{certificate}']
federation_ip_range_blacklist: []
federation: {{client_timeout: 10s, destination_min_retry_interval: 200, destination_max_retry_interval: 1s}}
"""


def canonical(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def unpadded(data):
    return base64.b64encode(data).decode().rstrip("=")


def from_unpadded(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


class FederatedEngram(Engram):
    """An Engram that other servers reach at `localhost:PORT` over TLS."""

    def __init__(self, world, directory, extra):
        self.world, self.tls_port = world, free_port()
        self.name = f"localhost:{self.tls_port}"
        super().__init__(directory, extra=EXTRA.format(certificate=world.certificate, key=world.key) + extra)
        text = self.config.read_text().replace("server_name: localhost\n", f"server_name: '{self.name}'\n")
        text = text.replace("resources: [{names: [client, federation]}]", "resources: [{names: [client]}]")
        listener = (f"  - port: {self.tls_port}\n    bind_addresses: ['127.0.0.1']\n    type: http\n    tls: true\n"
                    "    resources: [{names: [federation]}]\nregistration_shared_secret")
        self.config.write_text(text.replace("registration_shared_secret", listener, 1))

    def federation(self, method, path, body=None, headers=None, timeout=60):
        """A request to the listener for servers; returns (status, parsed JSON)."""
        return self.world.ask(self.name, method, path, body, headers, timeout)


class World:
    def __init__(self, root):
        self.root = root
        self.certificate, self.key = root / "cert.pem", root / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", str(self.key), "-out", str(self.certificate)], check=True, capture_output=True)
        self.context = ssl.create_default_context(cafile=str(self.certificate))

    def server(self, directory, extra=""):
        return FederatedEngram(self, self.root / directory, extra)

    def ask(self, name, method, path, body=None, headers=None, timeout=60):
        data = canonical(body) if body is not None else None
        call = urllib.request.Request(f"https://{name}{path}", data=data, method=method, headers=headers or {})
        if data is not None:
            call.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(call, timeout=timeout, context=self.context) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            text, status = error.read(), error.code
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode("utf-8", "replace")

    @staticmethod
    def is_signed(document, name, public_key, key_id):
        """Whether a JSON object has a valid signature."""
        signature = document.get("signatures", {}).get(name, {}).get(key_id)
        if signature is None:
            return False
        rest = {key: value for key, value in document.items() if key not in ("signatures", "unsigned")}
        key = eddsa.import_public_key(from_unpadded(public_key))
        try:
            eddsa.new(key, "rfc8032").verify(canonical(rest), from_unpadded(signature))
            return True
        except ValueError:
            return False


class Peer:
    """A server that the test plays: an HTTPS server with a name, whose requests `handle` answers."""

    def __init__(self, world):
        self.world, self.lock, self.seen = world, threading.Lock(), []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parsed = json.loads(body) if body else None
                with peer.lock:
                    peer.seen.append((self.command, self.path, parsed))
                status, value = peer.handle(self.command, self.path, parsed, self.headers)
                data = canonical(value)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = answer

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # A server that is killed closes its connections.

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(world.certificate), str(world.key))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.name = f"localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, method, path, body, headers):
        return 404, {"errcode": "M_UNRECOGNIZED", "error": "no such endpoint"}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class SigningPeer(Peer):
    """A peer that publishes a key of its own and signs what it sends."""

    def __init__(self, world, key_id="ed25519:p1"):
        self.private, self.key_id = ECC.generate(curve="ed25519"), key_id
        self.key_requests = 0
        super().__init__(world)

    def signature(self, value):
        return unpadded(eddsa.new(self.private, "rfc8032").sign(canonical(value)))

    def sign(self, value):
        """A JSON object with this peer's signature."""
        rest = {key: part for key, part in value.items() if key not in ("signatures", "unsigned")}
        signatures = {**value.get("signatures", {}), self.name: {self.key_id: self.signature(rest)}}
        return {**value, "signatures": signatures}

    def key_document(self):
        public = unpadded(self.private.public_key().export_key(format="raw"))
        return self.sign({
            "server_name": self.name, "verify_keys": {self.key_id: {"key": public}}, "old_verify_keys": {},
            "valid_until_ts": int(time.time() * 1000) + 86_400_000})

    def handle(self, method, path, body, headers):
        if path.startswith("/_matrix/key/v2/server"):
            self.key_requests += 1
            return 200, self.key_document()
        return super().handle(method, path, body, headers)

    def send(self, server, method, path, body=None, name=None, destination=None, signed_path=None, damage=False):
        """A signed request to a server; the rest makes it wrong in one way."""
        name, destination = name or self.name, destination or server.name
        what = {"method": method, "uri": signed_path or path, "origin": name, "destination": destination}
        if body is not None:
            what["content"] = body
        signature = self.signature(what)
        if damage:
            signature = ("A" if signature[0] != "A" else "B") + signature[1:]
        header = f'X-Matrix origin="{name}",destination="{destination}",key="{self.key_id}",sig="{signature}"'
        return self.world.ask(server.name, method, path, body, {"Authorization": header})
