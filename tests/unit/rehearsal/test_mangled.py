"""Responses that arrive badly, without a connection: what is sent, and with which pauses."""

import asyncio

import pytest
from mitmproxy import http
from rehearsal.proxy import mangled
from rehearsal.proxy.faults import Faults


def sent(how: str, pieces: int, monkeypatch: pytest.MonkeyPatch, body: bytes = b"abcdef") -> tuple[bytes, list[float]]:
    """Return the first `pieces` of a response, and the pauses between them."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def collect() -> bytes:
        found = b""
        async for piece in mangled._pieces(http.Response.make(200, body, {"ETag": "x", "Content-Encoding": ""}), how):
            found += piece
            pieces_left[0] -= 1
            if not pieces_left[0]:
                break
        return found

    pieces_left = [pieces]
    monkeypatch.setattr(asyncio, "sleep", sleep)
    work = collect()
    with pytest.raises(StopIteration) as done:
        work.send(None)  # nothing here has to wait: no event loop, so no socket
    return done.value.value, pauses


HEAD = b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: 6\r\nConnection: close\r\n\r\n"


def test_half_of_a_body_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent("truncate", 9, monkeypatch) == (HEAD + b"abc", [])
    assert b"Content-Length: 1\r\n" in sent("truncate", 9, monkeypatch, b"")[0]


def test_a_body_comes_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent("drip", 4, monkeypatch) == (HEAD + b"ab", [mangled.DRIP_PAUSE])


def test_a_body_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    content, pauses = sent("flood", 40, monkeypatch)
    assert content.count(mangled.FLOOD_BLOCK) == 38
    assert b"Content-Length" not in content
    assert set(pauses) == {mangled.FLOOD_PAUSE}


def test_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent("silence", 1, monkeypatch) == (b"", [3600])


def test_what_the_proxy_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is mangled so: explode"):
        Faults([{"mangle": "explode"}])


@pytest.mark.parametrize(("line", "length"), [("content-length: 12\r\n", 12), ("", 0)])
def test_a_request_is_read_to_its_end(line: str, length: int) -> None:
    assert mangled._length(f"PUT / HTTP/1.1\r\n{line}\r\n".encode()) == length
