"""What uv reads of a feed with an upstream: nothing that it asks for is saved, and every byte has its sha256."""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import requests
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.environment import Unsatisfiable
from amlwheel.errors.feed import FeedUnexpected, WouldSave
from amlwheel.feed import reading, relay
from amlwheel.feed.index import Index
from amlwheel.feed.reading import Public, Reading
from amlwheel.model.secret import Secret
from amlwheel.transport import http
from unit.feed.test_relay import get
from unit.parts import CANARY, FEED, TOKEN, answer

READING = Secret("fake-reading-token-0123")
DATA = {"six": b"a wheel of six", "acme-tools": b"a wheel of ours", "six.metadata": b"Name: six\n"}
FEED_FILES = "https://pkgs.dev.azure.com/acme/_packaging/f/pypi/download"
PUBLIC = "https://mirror.example/simple/"


def sha256(name: str) -> str:
    return hashlib.sha256(DATA[name]).hexdigest()


def file_of(name: str) -> str:
    return f"{name.replace('-', '_')}-1.0-py3-none-any.whl"


class World:
    """A feed, which saves what the writer downloads, and the public index."""

    def __init__(self) -> None:
        """Begin with a feed that has published acme-tools and saved nothing."""
        self.saved = {"acme-tools"}
        self.public = {"six": ' data-core-metadata="true"'}
        self.unreachable = self.lying = False
        self.refusal = 403
        self.asked: list[tuple[str, str]] = []

    def get(self, url: str, *, token: Secret | None, accept: str, headers: object = None) -> requests.Response:
        assert accept == "text/html"
        name = url.rstrip("/").rpartition("/")[2]
        if url.startswith(PUBLIC):
            assert token == Secret("p", "u")
            if self.unreachable:
                raise NoNetwork("mirror.example")
            self.asked.append(("public page", name))
            more = self.public.get(name)
            link = (
                f'<a href="https://files.example/{file_of(name)}#sha256={sha256(name)}"{more}></a>'
                if name in DATA
                else ""
            )
            return answer(text=link) if more is not None else answer(404)
        assert (token, headers) == (TOKEN, FEED.headers)
        python = ' data-requires-python="&gt;=3.8"'
        digest = hashlib.sha256(DATA.get(name, b"")).hexdigest()
        link = f'<a href="{FEED_FILES}/{name}/{file_of(name)}#sha256={digest}"{python}></a>'
        return answer(text=link) if name in DATA else answer(404, "The package doesn't exist")

    @contextlib.contextmanager
    def stream(
        self, url: str, token: Secret | None = None, headers: Mapping[str, str] = http.NO_HEADERS
    ) -> Iterator[requests.Response]:
        del headers
        file = url.rpartition("/")[2]
        name = next(name for name in DATA if file.startswith(name.replace("-", "_")))
        who = "public" if "files.example" in url else {TOKEN: "writer", READING: "reader"}[token]  # type: ignore[index]
        self.asked.append((who, file))
        assert who != "public" or token is None  # the mirror's login is for the mirror's own host
        if who == "writer":
            self.saved.add(name)
        if who == "reader" and name not in self.saved:
            yield answer(self.refusal)
        elif self.lying:
            yield answer(text="other bytes", Content_Type="application/octet-stream")
        else:
            content = DATA["six.metadata"] if file.endswith(".metadata") else DATA[name]
            made = answer(Content_Type="application/octet-stream")
            made.raw = Raw(content)
            yield made


class Raw(io.BytesIO):
    """As urllib3's answer is read."""

    def read(self, size: int | None = -1, *, decode_content: bool = True) -> bytes:
        del decode_content
        return super().read(size)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(http, "get", made.get)
    monkeypatch.setattr(http, "stream", made.stream)
    return made


def made(*, saves: Callable[[str], None] | None = None, reader: bool = True, public: bool = True) -> Reading:
    index = Index(FEED, READING, "connection-token") if reader else None
    return Reading(
        Index(FEED, TOKEN),
        None,
        frozenset(),
        print,
        reader=index,
        public=Public.of({"UV_DEFAULT_INDEX": "x=https://u:p@mirror.example/simple"}) if public else None,
        ours=frozenset(["acme-tools"]),
        saves=saves,
    )


@pytest.mark.enable_socket
def test_uv_gets_the_feeds_pages_and_bytes_that_nobody_saves_for_it(world: World) -> None:
    with reading.serve(made()) as served:
        status, text = get(f"{served.url}six/")
        (shown,) = json.loads(text)["files"]
        assert (status, shown["filename"], shown["hashes"]) == (200, file_of("six"), {"sha256": sha256("six")})
        assert (shown["core-metadata"], shown["requires-python"]) == (True, ">=3.8")
        assert get(f"{served.url}six/{file_of('six')}.metadata") == (200, DATA["six.metadata"])
        assert get(f"{served.url}six/{file_of('six')}") == (200, DATA["six"])
        assert json.loads(get(f"{served.url}acme-tools/")[1])["files"][0].get("core-metadata") is None
        assert get(f"{served.url}acme-tools/{file_of('acme-tools')}") == (200, DATA["acme-tools"])
        assert get(f"{served.url}acme-tools/{file_of('acme-tools')}.metadata")[0] == 404
        assert get(f"{served.url}unknown/")[0] == 404
        assert get(f"{served.url}six/other.whl")[0] == 404
        real = f"{FEED_FILES}/six/{file_of('six')}"
        theirs = f'url = "{served.url}six/{file_of("six")}" {served.url} {served.url}six/other-1.whl'
        assert served.original(theirs) == f'url = "{real}" {FEED.index_url} {FEED.index_url}six/other-1.whl'
    assert world.saved == {"acme-tools"}
    assert ("public page", "acme-tools") not in world.asked  # whose name is nobody else's business
    assert "writer" not in dict(world.asked)
    assert CANARY not in text.decode()


def test_what_is_saved_comes_from_the_feed(world: World) -> None:
    world.saved.add("six")
    served, into = made(), io.BytesIO()
    served.page("six")
    assert served.fetch("six", file_of("six"), into)
    assert world.asked == [("public page", "six"), ("reader", file_of("six"))]


@pytest.mark.enable_socket
@pytest.mark.parametrize("status", [401, 403, 404])
def test_without_another_place_a_dry_run_stops_and_saves_nothing(world: World, status: int) -> None:
    world.refusal, world.unreachable = status, True
    served = made()
    served.page("six")
    what = r"six-1\.0\S+ requires can't be read without saving it in acme/ml/wheels"
    with pytest.raises(WouldSave, match=what), reading.serve(served):
        assert not served.fetch("six", file_of("six"), io.BytesIO())
    with pytest.raises(WouldSave), reading.serve(served):
        raise Unsatisfiable("as uv tells it")
    assert world.saved == {"acme-tools"}


def test_names_that_may_be_private_are_nobodys_business(world: World) -> None:
    served = made(public=False)
    served.page("six")
    assert not served.fetch("six", file_of("six"), io.BytesIO())
    assert not served.fetch("six", f"{file_of('six')}.metadata", io.BytesIO())
    assert world.asked == [("reader", file_of("six"))]
    world.public = {}
    served = made()
    served.page("six")
    assert not served.fetch("six", f"{file_of('six')}.metadata", io.BytesIO())
    assert not served.fetch("six", file_of("six"), io.BytesIO())


def test_a_release_tells_what_it_has_to_save_before_its_plan(world: World) -> None:
    world.unreachable = True
    told: list[str] = []
    served, into = made(saves=told.append), io.BytesIO()
    served.page("six")
    assert served.fetch("six", file_of("six"), into)
    assert into.getvalue() == DATA["six"]
    assert world.saved == {"acme-tools", "six"}
    assert told == [f"{file_of('six')} in acme/ml/wheels"]


def test_without_a_reading_token_only_our_own_files_are_read_of_the_feed(world: World) -> None:
    served = made(reader=False)
    for name in ("acme-tools", "six"):
        served.page(name)
        assert served.fetch(name, file_of(name), io.BytesIO())
    assert world.asked == [("writer", file_of("acme-tools")), ("public page", "six"), ("public", file_of("six"))]


def test_other_bytes_stop_the_run(world: World) -> None:
    world.lying = True
    served = made()
    served.page("six")
    with pytest.raises(FeedUnexpected, match="isn't what the feed's page says"):
        served.fetch("six", file_of("six"), io.BytesIO())


@pytest.mark.enable_socket
def test_a_failure_of_the_feed_is_the_reason(world: World) -> None:
    world.refusal = 203
    served = made()
    served.page("six")
    with pytest.raises(StepError) as caught:
        served.fetch("six", file_of("six"), io.BytesIO())
    served.failures.append(caught.value)
    with pytest.raises(type(caught.value)), reading.serve(served):
        raise Unsatisfiable("as uv tells it")


def test_an_sdist_is_read_the_same_way(world: World, tmp_path: Path) -> None:
    served = made()
    served.page("six")
    address = f"{FEED_FILES}/six/{file_of('six')}"
    assert served.download(address, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA["six"]
    assert not served.download("https://files.example/elsewhere.tar.gz", tmp_path / "file")
    world.public = {}
    served = made()
    served.page("six")
    with pytest.raises(WouldSave):
        served.download(address, tmp_path / "file")


def test_the_public_index_is_the_machines_own() -> None:
    assert Public.of({"PIP_INDEX_URL": "https://mirror.example/simple"}) == Public(PUBLIC, None)
    assert Public.of({"UV_INDEX_URL": "https://u%40x:p@mirror.example/simple/"}).login == Secret("p", "u@x")
    assert Public.of({}).url.endswith("/simple/")
    assert relay.past_proxies({}) == {"NO_PROXY": "127.0.0.1"}
