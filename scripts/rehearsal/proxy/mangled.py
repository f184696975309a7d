"""Responses that arrive badly: slowly, in part, without an end, or never.

mitmproxy sends the response of an addon whole. So such a request is passed on to a server of our own on loopback, and
what that server does to its connection is what the client sees.
"""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator

from mitmproxy import http

HEADER = "x-rehearsal-mangled"
FLOOD_BLOCK, FLOOD_PAUSE = b"<!-- flood -->\n" * 4096, 0.02  # about 3 MB a second: endless, and no harm to the machine
DRIP_PAUSE = 1.0  # seconds for a byte


class Mangler:
    """The server; it starts with the first response that is kept for it."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._kept: dict[str, tuple[http.Response, str]] = {}
        self._numbers = itertools.count()
        self._server: asyncio.Server | None = None

    async def take(self, flow: http.HTTPFlow, how: str) -> None:
        """Have the response of `flow` sent to the client as `how` says: `drip`, `truncate`, `flood` or `silence`."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        assert flow.response is not None  # noqa: S101  # a stand-in gave it
        key = str(next(self._numbers))
        self._kept[key] = flow.response, how
        flow.response = None
        flow.request.headers[HEADER] = key
        flow.request.scheme, flow.request.host = "http", "127.0.0.1"
        flow.request.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            found = re.search(rf"^{HEADER}: (\d+)\r$".encode(), head, re.IGNORECASE | re.MULTILINE)
            response, how = self._kept.pop(found[1].decode() if found else "")
            async for piece in _pieces(response, how):
                writer.write(piece)
                await writer.drain()
        writer.close()


async def _pieces(response: http.Response, how: str) -> AsyncIterator[bytes]:
    """Yield what is sent, with its pauses; the connection is closed at the end."""
    if how == "silence":
        await asyncio.sleep(3600)
        return
    body = response.get_content(strict=False) or b""
    yield _head(response, length=how != "flood")
    if how == "truncate":
        yield body[: len(body) // 2]
        return
    yield body if how == "flood" else b""
    if how == "flood":
        while True:
            yield FLOOD_BLOCK
            await asyncio.sleep(FLOOD_PAUSE)
    for byte in body:
        yield bytes([byte])
        await asyncio.sleep(DRIP_PAUSE)


def _head(response: http.Response, *, length: bool) -> bytes:
    """Return status line and headers; the body is as long as it says, or it ends with the connection."""
    body = response.get_content(strict=False) or b""
    dropped = {"content-length", "transfer-encoding", "content-encoding", "connection"}
    given = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.fields)
    fields = [(name, value) for name, value in given if name.lower() not in dropped]
    # One byte more than there is, for a body that has none to cut off.
    fields += [("Content-Length", str(len(body) or 1))] if length else []
    lines = [f"HTTP/1.1 {response.status_code} {response.reason}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1", "replace")


def _length(head: bytes) -> int:
    found = re.search(rb"^content-length: (\d+)\r$", head, re.IGNORECASE | re.MULTILINE)
    return int(found[1]) if found else 0
