"""What every client of this process keeps to, whoever wrote it: ours, twine, azure-core, azure-identity, msrest.

All of them send through requests' adapter, so that is where an answer gets its bounds: time, size, depth.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import wait
from functools import partial
from itertools import accumulate
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from ..errors.base import TooSlow
from ..errors.transport import BeyondBounds
from ..model import origin
from ..plan.observe import in_background
from . import debug, trace

Answer = TypeVar("Answer")
Send = Callable[..., requests.Response]
WHOLE = 45.0  # seconds for a request: its repeats, their pauses, and the whole answer; people wait a minute at most
SLOWEST = 2**15  # bytes a second; what is sent or comes slower than this never ends
LARGEST = 2**25  # bytes of an answer that isn't a file; the largest pages of packages have a third of it
DEEPEST = 100  # brackets within brackets; real answers have about ten
BLOCK = 2**20  # bytes
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def keep() -> None:
    """Bound every client of this process from now on, and keep the user's netrc away from all of them.

    requests sends a netrc's credential in place of a token, and after a redirect too, to whatever host it names. It
    also takes a token along from http to https of one host.
    """
    os.environ["NETRC"] = os.devnull
    requests.Session.should_strip_auth = lambda _, old, new: not origin.same(old, new)  # type: ignore[method-assign]
    HTTPAdapter.send = bounded(HTTPAdapter.send)  # type: ignore[method-assign]


def bounded(send: Send) -> Send:
    """Return `send`, an adapter's method, with bounds: it raises TooSlow and BeyondBounds.

    A file that is streamed is left to `paced`.
    """

    def within_bounds(
        adapter: HTTPAdapter, request: requests.PreparedRequest, *given: object, **more: object
    ) -> object:
        host = urlsplit(request.url or "").netloc.rpartition("@")[2]

        def ask() -> requests.Response:
            response = send(adapter, request, *given, **more)
            if not (more.get("stream") and response.ok) or response.is_redirect or _is_text(response):
                _read(response, host)
            return response

        length = int(request.headers.get("Content-Length") or 0)
        began = time.monotonic()
        try:
            with trace.RUN.span("request", trace.request(request.method or "", request.url or "")):
                response = within(WHOLE + length / SLOWEST, host, ask)
        except Exception as error:
            debug.request(request, error, began)
            raise
        debug.request(request, response, began)
        return response

    return within_bounds  # type: ignore[return-value]


def within(seconds: float, host: str, call: Callable[[], Answer]) -> Answer:
    """Return what `call` returns; raise TooSlow if it takes longer than `seconds`. What it waits for is left behind.

    No other limit is one: those of sockets begin anew with every byte that comes.
    """
    answer = in_background(call)
    wait([answer], seconds)
    if not answer.done():
        raise TooSlow(f"{host} gave no whole answer within {seconds:.0f} seconds.")
    return answer.result()


def paced(blocks: Iterable[bytes], host: str, seconds: float = WHOLE) -> Iterator[bytes]:
    """Yield the blocks of a file, of 4 MiB at most; raise TooSlow when the next one doesn't come in time."""
    left = iter(blocks)
    while block := within(seconds, host, partial(next, left, b"")):
        yield block


def _is_text(response: requests.Response) -> bool:
    return bool(re.search(r"json|html|xml", response.headers.get("Content-Type", ""), re.IGNORECASE))


def _read(response: requests.Response, host: str) -> None:
    """Read the whole body, unpacked; raise BeyondBounds when no answer is so large, or so deep."""
    content = bytearray()
    for block in response.iter_content(BLOCK):
        content += block
        if len(content) > LARGEST:
            response.close()
            raise BeyondBounds(f"{host} answered with more than {LARGEST // 2**20} MiB.")
    response._content, response._content_consumed = bytes(content), True  # type: ignore[attr-defined]  # noqa: SLF001
    if content.lstrip().startswith((b"[", b"{")) and depth(content) > DEEPEST:
        raise BeyondBounds(f"{host} answered with JSON that is nested more than {DEEPEST} deep.")


def depth(content: bytes | bytearray) -> int:
    """Return how deep the brackets of a JSON text are nested; nothing is parsed, since that is what goes too deep."""
    brackets = re.sub(rb'"(?:[^"\\]|\\.)*"?', b"", content, flags=re.DOTALL).translate(None, _NOT_BRACKETS)
    return max(accumulate(1 if each in b"[{" else -1 for each in brackets), default=0)
