"""Each client of the step, against a server that never ends: real sockets, and the libraries as they are."""

import gzip
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import requests
from amlwheel.build.wheel import inspect
from amlwheel.errors.base import StepError
from amlwheel.feed import artifacts, publish
from amlwheel.feed.index import Index
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.secret import Secret
from amlwheel.transport import bounds, http
from azure.core import PipelineClient
from azure.core.rest import HttpRequest
from rehearsed.steps import Step
from requests.adapters import HTTPAdapter
from typing_extensions import override

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def drip_headers(write: Callable[[bytes], object]) -> None:
    for each in OK * 1000:
        write(bytes([each]))
        time.sleep(0.05)


def drip(write: Callable[[bytes], object]) -> None:
    write(OK + b"Content-Length: 100000\r\n\r\n")
    for _ in range(100_000):
        write(b" ")
        time.sleep(0.05)


def flood(write: Callable[[bytes], object]) -> None:
    write(OK + b"Connection: close\r\n\r\n")
    for _ in range(8):
        write(b" " * 2**20)


def bomb(write: Callable[[bytes], object]) -> None:
    body = gzip.compress(b" " * 2**22)
    write(OK + f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def deep(write: Callable[[bytes], object]) -> None:
    write(OK + b"Content-Length: 200000\r\n\r\n" + b"[" * 100_000 + b"]" * 100_000)


FAULTS = {drip_headers: 71, drip: 71, flood: 188, bomb: 188, deep: 188}


class Answers(BaseHTTPRequestHandler):
    """Answers whatever it is asked by the fault in the path, and notes the credential."""

    seen: ClassVar[list[str]] = []

    def answer(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        fault = next(each for each in FAULTS if f"/{each.__name__}/" in self.path)
        self.close_connection = True
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault(self.wfile.write)

    do_GET = do_POST = do_OPTIONS = answer  # noqa: N815

    @override
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Quiet(ThreadingHTTPServer):
    """A server that takes it as it comes when a client hangs up."""

    @override
    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Iterator[str]:
    """Return the address of the server; the bounds are those of a step, only shorter. A netrc has all hosts."""
    (tmp_path / ".netrc").write_text("default login intruder password fake-netrc\n", "utf-8")
    for name, value in {"HOME": str(tmp_path), "NO_PROXY": "127.0.0.1", "NETRC": str(tmp_path / ".netrc")}.items():
        monkeypatch.setenv(name, value)
    for kind, method in ((HTTPAdapter, "send"), (requests.Session, "should_strip_auth")):
        monkeypatch.setattr(kind, method, getattr(kind, method))
    monkeypatch.setattr(bounds, "WHOLE", 1.0)
    monkeypatch.setattr(bounds, "LARGEST", 2**20)
    monkeypatch.setattr(Answers, "seen", [])
    bounds.keep()
    made = Quiet(("127.0.0.1", 0), Answers)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()


def ours(url: str, wheel: pathlib.Path) -> None:
    del wheel
    http.get(url, token=Secret("fake-own"))


def twine(url: str, wheel: pathlib.Path) -> None:
    with wheel.open("rb") as content:
        publish._post(Index(parse_feed(f"{url}simple/"), Secret("fake-own")), inspect(wheel), content)


def azure_core(url: str, wheel: pathlib.Path) -> None:
    del wheel
    headers = {"Authorization": "Bearer fake-own"}
    client: PipelineClient[Any, Any] = PipelineClient(base_url=url)
    client.send_request(HttpRequest("GET", url, headers=headers)).json()


def azure_devops(url: str, wheel: pathlib.Path) -> None:
    del wheel
    feed_client, authentication = artifacts.load()

    feed_client.FeedClient(url.rstrip("/"), authentication.BasicAuthentication("", "fake-own")).get_feeds()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what is waited for no more stays open
@pytest.mark.parametrize("client", [ours, twine, azure_core, azure_devops], ids=lambda each: each.__name__)
def test_no_server_holds_a_client_and_no_netrc_speaks_for_it(
    server: str, wheel: pathlib.Path, client: Callable[[str, pathlib.Path], None]
) -> None:
    os.environ.setdefault("AZURE_DEVOPS_CACHE_DIR", os.environ["HOME"])
    for fault, status in FAULTS.items():
        start = time.monotonic()
        with pytest.raises(StepError) as caught:
            client(f"{server}/{fault.__name__}/", wheel)
        assert (fault.__name__, caught.value.status) == (fault.__name__, status), caught.value.what
        assert "127.0.0.1" in caught.value.what
        assert time.monotonic() - start < 6
    own = {"Bearer fake-own", *(requests.auth._basic_auth_str(user, "fake-own") for user in ("", http.USER))}
    assert Answers.seen
    assert set(Answers.seen) <= own


ENDLESS = """\
import os, pathlib, time, setuptools
pathlib.Path({place!r}).write_text(str(os.getpid()))
time.sleep(300)
setuptools.setup(name="acme-endless", version="1.0")
"""


@pytest.mark.long
def test_a_run_out_of_time_ends_its_tools_and_says_how_far_it_came(step: Step, tmp_path: pathlib.Path) -> None:
    project, place = tmp_path / "project", tmp_path / "pid"
    project.mkdir()
    (project / "setup.py").write_text(ENDLESS.format(place=str(place)), "utf-8")
    result = step(package_dir=project, timeout_minutes="1")
    assert result.status == 190, result.output
    assert "ended after 1 minute, in the stage 'Build'. Nothing outside was changed before." in result.output
    assert "set `--timeout-minutes` higher" in result.output
    assert result.writes == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(place.read_text("utf-8")), 0)
