"""Real repository servers as processes on loopback, and the users that they know."""

import base64
import contextlib
import hashlib
import pathlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bootstrap
import requests
from amlwheel.build.wheel import inspect
from amlwheel.feed import publish
from amlwheel.feed.index import Index
from amlwheel.model import exact
from amlwheel.model.feed import Feed
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.secret import Secret
from amlwheel.transport import http
from rehearsed.steps import ROOT

READY_WITHIN = 90  # seconds; devpi takes ten on a busy machine
WRITER = Secret("fa:ke@pa/ss%40-0001", "ci")
READER = Secret("fake%20reader&pass-0002", "images@acme.example")
BARE = Secret("fake-bare-pass-0004", http.USER)
"""What the step sends for a token without a user."""


@dataclass(frozen=True)
class Server:
    """A server that runs: the address of its index, who may publish, who reads, and where it notes requests."""

    url: str
    log: pathlib.Path
    writer: Secret = WRITER
    reader: Secret = READER

    @property
    def feed(self) -> Feed:
        """The feed as the step reads its address."""
        return parse_feed(self.url)

    @property
    def posts(self) -> int:
        """How many POSTs it has been sent."""
        return self.log.read_text("utf-8").count("POST /")

    def seed(self, path: pathlib.Path) -> None:
        """Publish a wheel."""
        wheel = inspect(path)
        with exact.held(path, wheel.sha256) as content:
            answer = publish._post(Index(self.feed, self.writer), wheel, content)
        assert answer.status_code == 200, answer.text


def _program(name: str) -> str:
    return str(bootstrap.environment(ROOT / "tests" / "servers.txt").parent / name)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def _running(command: Callable[[int], list[str]], log: pathlib.Path) -> Iterator[str]:
    """Run a server until the context ends; give its address once it answers."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        child = subprocess.Popen(command(port), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        end = time.monotonic() + READY_WITHIN
        while True:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(url, timeout=10)
                break
            assert child.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < end, log.read_text("utf-8")
            time.sleep(0.1)
        yield url
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def pypiserver(folder: pathlib.Path, hashes: str) -> Iterator[Server]:
    """Run pypiserver, which asks everybody for a password, with one of its options for hashes on pages."""
    (folder / "packages").mkdir()
    passwords = folder / "htpasswd"
    lines = []
    for each in (WRITER, READER, BARE):
        digest = base64.b64encode(hashlib.sha1(each.reveal().encode()).digest()).decode()  # noqa: S324 - Apache's form
        lines.append(f"{each.user}:{{SHA}}{digest}\n")
    passwords.write_text("".join(lines), "utf-8")

    def command(port: int) -> list[str]:
        options = ["run", "-v", "-i", "127.0.0.1", "-p", str(port), "-P", str(passwords), "-a", "update,download,list"]
        more = ["--disable-fallback", "--hash-algo", hashes, str(folder / "packages")]
        return [_program("pypi-server"), *options, *more]

    with _running(command, folder / "log.txt") as url:
        yield Server(f"{url}/simple/", folder / "log.txt")


@contextlib.contextmanager
def devpi(folder: pathlib.Path) -> Iterator["Devpi"]:
    """Run devpi-server with a user `ci` and her index `dev`."""
    state, root = folder / "state", "fake-root-pass-0003"
    init = [_program("devpi-init"), "--serverdir", str(state), "--root-passwd", root, "--no-root-pypi"]
    subprocess.run(init, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=READY_WITHIN)

    def command(port: int) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(port)]
        return [_program("devpi-server"), "--serverdir", str(state), "--offline-mode", *where]

    with _running(command, folder / "log.txt") as url:
        made = Devpi(url, folder / "log.txt")
        made.put("root", root, "ci", {"password": WRITER.reveal(), "email": ""})
        made.index("dev")
        yield made


@dataclass(frozen=True)
class Devpi:
    """A devpi server; its indexes are made as a test needs them. Everybody may read."""

    url: str
    log: pathlib.Path

    def index(self, name: str, **options: Any) -> Server:  # noqa: ANN401 - devpi's own options
        """Make an index of `ci`, that takes no version twice unless `options` say otherwise."""
        chosen = {"type": "stage", "volatile": False, "bases": [], **options}
        self.put(WRITER.user, WRITER.reveal(), f"ci/{name}", chosen)
        return self.server(name)

    def server(self, name: str = "dev") -> Server:
        """Return an index that was made."""
        return Server(f"{self.url}/ci/{name}/+simple/", self.log)

    def put(self, user: str, password: str, path: str, content: dict[str, Any]) -> None:
        """Make something as `user`, who signs in first."""
        signed = requests.post(f"{self.url}/+login", json={"user": user, "password": password}, timeout=30).json()
        proof = base64.b64encode(f"{user}:{signed['result']['password']}".encode()).decode()
        headers = {"X-Devpi-Auth": proof}
        answer = requests.put(f"{self.url}/{path}", json=content, headers=headers, timeout=30)
        assert answer.status_code in (200, 201), answer.text
