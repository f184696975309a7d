"""Whatever a server sends, and however slowly: each answer has its bounds, for every client."""

import gzip
import io
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from amlwheel.errors.base import TooSlow
from amlwheel.errors.transport import BeyondBounds
from amlwheel.transport import bounds
from requests.adapters import HTTPAdapter
from unit.parts import answer

REQUEST = requests.Request("GET", "https://me:x@index.example/simple/").prepare()


def sent(given: requests.Response, **more: object) -> requests.Response:
    """Return `given` as it comes through the bounds."""
    return bounds.bounded(lambda *_, **__: given)(HTTPAdapter(), REQUEST, **more)


def packed(content: bytes) -> requests.Response:
    made = answer()
    made.raw = urllib3.HTTPResponse(
        io.BytesIO(gzip.compress(content)), headers={"Content-Encoding": "gzip"}, preload_content=False
    )
    return made


def test_an_answer_is_read_and_unpacked() -> None:
    assert sent(answer(200, "page")).text == "page"
    assert sent(packed(b'{"a": 1}')).json() == {"a": 1}


@pytest.mark.parametrize("given", [answer(200, "x" * 3_000_000), packed(b"x" * 3_000_000)], ids=["flood", "bomb"])
def test_a_flood_is_refused_in_what_it_unpacks_to(monkeypatch: pytest.MonkeyPatch, given: requests.Response) -> None:
    monkeypatch.setattr(bounds, "LARGEST", 2**20)
    with pytest.raises(BeyondBounds, match=r"^index\.example answered with more than 1 MiB\.$"):
        sent(given)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '\n [{"a":' * 60], ids=["list", "object", "both"])
def test_json_that_is_nested_without_end_is_refused_before_it_is_parsed(text: str) -> None:
    with pytest.raises(BeyondBounds, match=r"^index\.example answered with JSON that is nested more than 100 deep\.$"):
        sent(answer(200, text, Content_Type="application/json"))


@pytest.mark.parametrize(
    "text", ['["' + "[" * 1000 + '"]', '["' + '\\"[' * 1000 + '"]', "[]," * 1000, "<" + "[" * 1000]
)
def test_brackets_in_texts_and_side_by_side_are_not_deep(text: str) -> None:
    assert sent(answer(200, text)).text == text


def test_the_depth_is_counted_in_linear_time() -> None:
    start = time.process_time()
    assert bounds.depth(b'"\\' * 500_000) == 0
    assert bounds.depth(b'\\"' * 500_000) == 0
    assert bounds.depth(json.dumps([{"a": [1]}, {"b": {}}]).encode()) == 3
    assert time.process_time() - start < 1


def test_a_drip_ends_with_the_time_for_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte begins the socket's own limit anew."""
    monkeypatch.setattr(bounds, "WHOLE", 0.05)
    over = threading.Event()

    class Drip(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            over.wait(5)
            return b""

    given = answer()
    given.raw = Drip()
    with pytest.raises(TooSlow, match=r"index\.example gave no whole answer within 0 seconds"):
        sent(given)
    over.set()


def test_what_is_sent_has_time_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(bounds, "within", lambda seconds, *_: asked.append(seconds))
    upload = requests.Request("POST", "https://feed.example/", data=b"x" * 2**16).prepare()
    bounds.bounded(HTTPAdapter.send)(HTTPAdapter(), upload)
    assert asked == [bounds.WHOLE + 2]


def test_a_file_is_left_to_who_streams_it_but_for_a_page_in_its_place() -> None:
    file = answer(200, "wheel", Content_Type="application/octet-stream")
    assert not sent(file, stream=True)._content
    assert sent(answer(200, "page"), stream=True)._content == b"page"
    moved = answer(302, "page", Content_Type="application/octet-stream", Location="https://x.example/")
    assert sent(moved, stream=True)._content == b"page"
    refused = answer(503, "page", Content_Type="application/octet-stream")
    assert sent(refused, stream=True)._content == b"page"


def test_the_next_block_of_a_file_must_come_in_time() -> None:
    over = threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"one"
        over.wait(5)

    left = bounds.paced(slow(), "files.example", 0.05)
    assert next(left) == b"one"
    with pytest.raises(TooSlow, match=r"files\.example"):
        next(left)
    over.set()
    assert [*bounds.paced([b"a", b"b"], "files.example")] == [b"a", b"b"]


def test_every_client_of_the_process_keeps_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login intruder password hunter2\n")
    monkeypatch.delenv("NETRC")
    monkeypatch.setenv("HOME", str(tmp_path))
    bearer = requests.Request("GET", "https://management.azure.com/", headers={"Authorization": "Bearer x"})
    assert requests.Session().prepare_request(bearer).headers["Authorization"].startswith("Basic ")
    bounds.keep()
    assert requests.Session().prepare_request(bearer).headers["Authorization"] == "Bearer x"
    assert os.environ["NETRC"] == os.devnull
    redirects = {"https://a.example/": True, "http://a.example:80/y": False, "http://b.example/": True}
    strips: Any = requests.Session().should_strip_auth
    assert {to: strips("http://a.example/x", to) for to in redirects} == redirects
    asked: list[object] = []
    monkeypatch.setattr(bounds, "within", lambda *told: asked.append(told[1]))
    HTTPAdapter().send(REQUEST)
    assert asked == ["index.example"]
