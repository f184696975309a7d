"""Azurite, Microsoft's emulator of Azure Storage: the blobs of every account that isn't a workspace's own.

What it can do is the service's own logic, as Microsoft wrote it down: conditional writes, blocks, metadata, signatures,
the claims of a token of Entra. What it can't, roles and firewalls, `accounts` asks before.
"""

import base64
import datetime
import http.client
import ipaddress
import os
import pathlib
import re
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from vsix import node

from ..state.store import Store
from . import sas

PINS = pathlib.Path(__file__).parents[1] / "azurite.txt"
READY_WITHIN = 60
"""Seconds that it may take to start; it takes about two."""

_LISTENS = re.compile(r"listens on https://127\.0\.0\.1:(\d+)")
# It ends with its parent, however that dies: standard input closes then. SIGTERM lets it write down what it has.
_START = (
    "process.stdin.resume().on('end', () => process.kill(process.pid, 'SIGTERM')); "
    "process.argv.splice(1, 0, 'azurite'); require({program!r});"
)
_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length", "te", "upgrade"}
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What Azurite answered."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    length: int
    """Of the body, or of what HEAD is about."""


def installed() -> pathlib.Path:
    """Return the program, installed by npm the first time, which takes half a minute."""
    return node.modules(PINS) / "azurite/dist/src/blob/main.js"


class Azurite:
    """One Azurite on a port of loopback, started with the first request; its blobs stay in `azure/azurite`."""

    def __init__(self, store: Store) -> None:
        """Remember whose state it is; nothing starts yet."""
        self._store = store
        self._folder = store.root / "azurite"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def send(self, method: str, target: str, headers: Headers, body: bytes = b"") -> Answer:
        """Send a request whose `Host` names the account, as Azure's do ("production style"); blocks."""
        with self._lock:
            if not self._port:
                self._start()
        context = ssl.create_default_context(cafile=str(self._folder / "certificate.pem"))
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=300, context=context)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in [*_without_hops(headers), ("Content-Length", str(len(body))), ("Connection", "close")]:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            length = int(answer.getheader("Content-Length") or 0)
            return Answer(answer.status, answer.reason, _without_hops(answer.getheaders()), answer.read(), length)
        finally:
            connection.close()

    def stop(self) -> None:
        """End it, and wait until it has written everything down."""
        if self._process is not None:
            assert self._process.stdin is not None  # noqa: S101  # it is a pipe
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGKILL)
                self._process.wait()

    def _start(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._write_certificate()
        names = self._store.read("storage")["accounts"]
        keys = ((name, base64.b64encode(sas.key(self._store, name)).decode()) for name in names)
        program = _START.format(program=str(installed()))
        log = self._folder / "log.txt"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(node.node(24)), "-e", program, "--", *self._options()],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                env={"PATH": os.defpath, "AZURITE_ACCOUNTS": ";".join(f"{name}:{key}" for name, key in keys)},
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            found = _LISTENS.search(log.read_text("utf-8", "replace"))
            if found:
                self._port = int(found[1])
                return
            time.sleep(0.02)
        raise RuntimeError(
            f"Azurite didn't start (status {self._process.poll()}):\n{log.read_text('utf-8', 'replace')}"
        )

    def _options(self) -> list[str]:
        """Return its options: tokens count with https alone, and its versions of the REST interface lag behind."""
        place = str(self._folder)
        options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--location", place, "--oauth", "basic"]
        options += ["--cert", "certificate.pem", "--key", "key.pem"]
        return [*options, "--skipApiVersionCheck", "--disableTelemetry"]

    def _write_certificate(self) -> None:
        """Write a certificate for loopback that nobody else ever sees."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Azurite of a rehearsal")])
        now = datetime.datetime.now(datetime.timezone.utc)
        place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(place, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        (self._folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        (self._folder / "key.pem").write_bytes(text)


def _without_hops(headers: Iterable[tuple[str, str]]) -> Headers:
    """Leave out what is between two neighbours alone (RFC 9110, 7.6.1)."""
    return [(name, value) for name, value in headers if name.lower() not in _HOP]
