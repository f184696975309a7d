"""The index on this machine from which a build gets the feed's packages."""

import contextlib
import hashlib
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import requests
from amlwheel.errors.base import StepError
from amlwheel.errors.build import BuildFailed
from amlwheel.errors.feed import FeedUnexpected, TokenRefused
from amlwheel.feed import relay
from amlwheel.feed.index import Index
from amlwheel.feed.relay import Relay
from amlwheel.transport import http
from unit.feed.pages import page, serve
from unit.parts import CANARY, FEED, TOKEN, answer

DATA = b"a wheel"
DIGEST = hashlib.sha256(DATA).hexdigest()
FILE = "acme_tools-1.0-py3-none-any.whl"
NONE: frozenset[str] = frozenset()
PUBLISHED = frozenset(["acme-tools"])


def made(published: frozenset[str] | None = PUBLISHED, own: frozenset[str] = NONE) -> Relay:
    return Relay(Index(FEED, TOKEN), published, own, print)


def listed(digest: str) -> requests.Response:
    shown = page((FILE, digest))
    shown.url = FEED.page("acme-tools")
    return shown


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the feed hold one wheel; return the addresses of files that are asked for."""
    asked: list[str] = []

    @contextlib.contextmanager
    def stream(url: str, token: object, headers: object) -> Iterator[requests.Response]:
        del headers
        assert token == TOKEN
        asked.append(url)
        yield answer(text=DATA.decode())

    serve(monkeypatch, listed(DIGEST))
    monkeypatch.setattr(http, "stream", stream)
    return asked


def get(url: str, method: str = "GET") -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, method=method), timeout=10) as response:  # noqa: S310  # our own
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.enable_socket
def test_a_build_gets_what_was_published_and_no_token(feed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with relay.serve(Index(FEED, TOKEN), PUBLISHED, NONE, print) as served:
        status, text = get(f"{served.url}Acme_Tools/")
        shown = {"filename": FILE, "url": FILE, "hashes": {"sha256": DIGEST}, "yanked": False}
        shown["requires-python"] = ">=3.10"
        always = {"upload-time": "1970-01-01T00:00:00Z"}  # uv takes a file without a time for newer than any limit
        assert (status, json.loads(text)["files"]) == (200, [shown | always])
        assert get(f"{served.url}acme-tools/{FILE}") == (200, DATA)
        assert get(f"{served.url}acme-tools/{FILE}", "HEAD")[0] == 405
        assert get(f"{served.url}acme-tools/other.whl")[0] == 404
        assert get(f"{served.url}hatchling/")[0] == 404
        assert get(served.url.replace(served.root, "/guessed/") + "acme-tools/")[0] == 404
        variables = served.variables({"no_proxy": "x.example"})
    assert variables == {"UV_INDEX": served.url, "UV_INDEX_STRATEGY": "first-index", "no_proxy": "x.example,127.0.0.1"}
    assert capsys.readouterr().out == f"for the build, from the feed: {FILE} (sha256 {DIGEST})\n"
    assert len(feed) == 1
    assert CANARY not in text.decode() + str(variables)


@pytest.mark.enable_socket
def test_a_feed_that_fails_is_the_reason_of_a_failed_build(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(401))

    def build() -> None:
        with relay.serve(Index(FEED, TOKEN), PUBLISHED, NONE, print) as served:
            assert get(f"{served.url}acme-tools/")[0] == 424
            raise BuildFailed("no.")

    with pytest.raises(TokenRefused):
        build()


@pytest.mark.enable_socket
def test_a_reader_that_hangs_up_is_no_event(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    done = threading.Event()

    def broken(_: Relay, __: str) -> None:
        done.set()
        raise BrokenPipeError

    monkeypatch.setattr(Relay, "page", broken)
    with relay.serve(None, None, NONE, print) as served, pytest.raises(OSError, match="closed"):
        get(f"{served.url}acme-tools/")
    assert done.is_set()
    assert capfd.readouterr().err == ""


def test_a_published_name_never_comes_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, "no package"))
    shown = made().page("acme-tools")
    assert shown
    assert not shown.files


def test_where_nobody_knows_the_published_names_the_feed_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, answer(404, "no package"))
    served = made(published=None)
    assert served.page("hatchling") is None
    assert served.page("hatchling") is None
    assert len(asked) == 1


def test_a_withdrawn_file_stays_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(text='<a href="a.whl" data-yanked="broken">a</a><a href="b.whl">b</a>'))
    shown = made().page("acme-tools")
    assert shown
    assert shown.yanked == {"a.whl"}


def test_other_bytes_than_the_page_says_are_refused(feed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, listed("0" * 64))
    served = made()
    served.page("acme-tools")
    with pytest.raises(FeedUnexpected, match="isn't what its page says"), open("/dev/null", "wb") as nowhere:  # noqa: PTH123
        served.fetch("acme-tools", FILE, nowhere)
    assert feed


def explained(served: Relay) -> StepError:
    return served.explain(BuildFailed("no.", details="uv's"))


def test_a_package_of_this_run_is_not_looked_for_elsewhere() -> None:
    served = Relay(None, None, frozenset(["acme-common"]), print)
    assert explained(served).what == "no."
    shown = served.page("acme-common")
    assert shown
    assert not shown.files
    error = explained(served)
    assert error.what.startswith("A build of this run needs acme-common, which this run builds as well")
    assert error.fix == "Release acme-common first, in a run of its own: its folder alone in `package-dir`."
    assert error.details == "uv's"
