"""What the lock names is downloaded with the secret of its own host, and checked."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import requests
from amlwheel.errors.base import NoNetwork
from amlwheel.errors.build import SdistFailed
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import File
from amlwheel.transport import http
from amlwheel.transport.download import TRIES, Downloads
from unit.parts import CANARY, FEED, TOKEN, answer


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("https://files.example/f.whl", "", None),
        ("https://mirror.example/f.whl", "me@acme", "p/w"),
        ("https://named.example/f.whl", "u", "x"),
        ("https://mirror.example:444/f.whl", "", None),
        ("https://mirror.example:443/f.whl", "me@acme", "p/w"),
        ("http://mirror.example/f.whl", "", None),
        ("http://mirror.example:443/f.whl", "", None),
        (f"{FEED.index_url}f.whl".replace("https:", "http:"), "", None),
        (f"{FEED.index_url}f.whl", "", CANARY),
    ],
)
def test_each_host_is_told_its_own_secret_and_no_other(url: str, user: str, password: str | None) -> None:
    variables = {
        "UV_DEFAULT_INDEX": "https://me%40acme:p%2Fw@mirror.example/simple",
        "UV_INDEX": "first=https://u:x@named.example/simple https://files.example/simple",
    }
    found = Downloads(FEED, TOKEN, variables, SdistFailed).access(url)
    assert (found.user, found.reveal()) == (user, password) if found else password is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (answer(206, "d", Content_Range="bytes 0-0/4"), ""),
        (answer(200, "data", Content_Length="4"), ""),
        (answer(200, "data"), ""),
        (answer(404), "index.example answered 404 for f"),
        (answer(206, "d", Content_Range="bytes 0-0/5"), "has f with 5 bytes; the lock's file has 4"),
        (answer(206, "d", Content_Range="bytes 0-0/*"), ""),
    ],
)
def test_a_file_is_asked_for_by_its_first_byte(
    monkeypatch: pytest.MonkeyPatch, said: requests.Response, told: str
) -> None:
    @contextmanager
    def stream(url: str, token: Secret | None, headers: dict[str, str]) -> Iterator[requests.Response]:
        assert (url, token, headers) == ("https://index.example/f", None, {"Range": "bytes=0-0"})
        yield said

    monkeypatch.setattr(http, "stream", stream)
    downloads = Downloads(FEED, TOKEN, {}, SdistFailed)
    with pytest.raises(SdistFailed, match=told) if told else nullcontext():
        downloads.ask(File("f", "https://index.example/f", "", 4))


def test_a_file_is_checked_and_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers: list[Any] = [NoNetwork("files.example"), answer(200, "data")]

    @contextmanager
    def stream(url: str, token: Secret | None, headers: object) -> Iterator[requests.Response]:
        assert (url, token, headers) == ("https://files.example/f", None, {})
        said = answers.pop(0)
        if isinstance(said, Exception):
            raise said
        yield said

    monkeypatch.setattr(http, "stream", stream)
    file = File("f", "https://files.example/f", hashlib.sha256(b"data").hexdigest())
    downloads = Downloads(None, Secret(""), {}, SdistFailed)
    paused: list[float] = []
    downloads.fetch(file, tmp_path / "f", paused.append)
    assert ((tmp_path / "f").read_bytes(), paused) == (b"data", [1])
    for said, told in ((answer(200, "other"), "another sha256"), (answer(401, "no"), "answered 401 for f")):
        answers.append(said)
        with pytest.raises(SdistFailed, match=told):
            downloads.fetch(file, tmp_path / "f", paused.append)
    answers += [NoNetwork("files.example")] * TRIES
    with pytest.raises(NoNetwork):
        downloads.fetch(file, tmp_path / "f", paused.append)
    assert not answers
