"""An index on this machine that gives a build the feed's packages, so that the build needs no token.

uv asks it first. For a name that it knows, uv asks no other index ("first-index", uv's own default): no package of the
same name on the public index can take its place. It knows the names that were published to the feed and those that
this run builds; where nobody can tell the published names, it knows whatever the feed shows.

Feeds tell no upload times, and to uv a file without one is newer than any limit: so each has the same old time here.
"""

import contextlib
import hashlib
import json
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, ClassVar
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name
from typing_extensions import override

from ..errors.base import StepError
from ..errors.build import BuildFailed
from ..errors.feed import FeedUnexpected
from ..transport import http
from .index import Index, Page

_ALWAYS = "1970-01-01T00:00:00Z"  # before any limit
Published = frozenset[str] | None | Callable[[], frozenset[str] | None]
_LOOKS = 0.02  # seconds between two looks whether to end; half a second, the default, would be waited for
_IN_MEMORY = 2**23  # bytes; a larger file goes to the disk on its way


@dataclass
class Relay:
    """What is served: pages and files of `index` (None: there is no feed). `own` are the names that this run builds.

    `published` are the feed's own names, or what tells them as soon as somebody asks.

    `echo` gets a line for each file, with its sha256. The address `url` has a random part, so that other users of the
    machine can't guess it. `failures` are the feed's, `unbuilt` those of `own` that were asked for in vain.
    """

    index: Index | None
    published: Published
    own: frozenset[str]
    echo: Callable[[str], None]
    url: str = ""
    root: str = field(default_factory=lambda: f"/{secrets.token_urlsafe(16)}/")
    pages: dict[str, Page] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    failures: list[StepError] = field(default_factory=list)
    unbuilt: set[str] = field(default_factory=set)
    caching: ClassVar[str] = "no-store"

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return what makes uv ask here first, past any proxy (uv, "Environment variables")."""
        return {"UV_INDEX": self.url, "UV_INDEX_STRATEGY": "first-index", **past_proxies(environ)}

    def page(self, name: str) -> Page | None:
        """Return the page of the package `name`; None if it isn't one of ours, so that the public index is asked."""
        published = self.published() if callable(self.published) else self.published
        if name not in self.pages:
            asked = self.index and (published is None or name in published)
            self.pages[name] = self.index.page(name) if self.index and asked else Page({})
        page = self.pages[name]
        if not page.files and name in self.own:
            self.unbuilt.add(name)
        known = page.files or name in self.own or name in (published or ())
        return page if known else None

    def fetch(self, name: str, file: str, into: BinaryIO) -> bool:
        """Write a file `into`, if a page has it that was asked for; raise FeedUnexpected for other bytes."""
        page = self.pages.get(name)
        if not self.index or not page or file not in page.urls:
            return False
        digest = hashlib.sha256()
        with self.index.stream(page.urls[file]) as response:
            self.index.check(response)
            for block in http.blocks(response):
                digest.update(block)
                into.write(block)
        if page.files[file] not in ("", digest.hexdigest()):
            raise FeedUnexpected(f"The feed's {file} isn't what its page says: its sha256 is {digest.hexdigest()}.")
        if file not in self.told:
            self.told.add(file)
            self.echo(f"for the build, from the feed: {file} (sha256 {digest.hexdigest()})")
        return True

    def explain(self, error: BuildFailed) -> StepError:
        """Return why a build failed, if the feed or the order of the packages is the reason; else `error`."""
        if self.failures:
            return self.failures[0]
        if not self.unbuilt:
            return error
        names = ", ".join(sorted(self.unbuilt))
        return BuildFailed(
            f"A build of this run needs {names}, which this run builds as well and the feed doesn't have yet.",
            cause="The packages of a run are all built before one is published, so none can be built with another.",
            fix=f"Release {names} first, in a run of its own: its folder alone in `package-dir`.",
            details=error.details,
        )


class _Server(ThreadingHTTPServer):
    """Answers for `relay` on a free port of the loopback interface."""

    daemon_threads = True

    def __init__(self, relay: Relay) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.relay = relay
        relay.url = f"http://127.0.0.1:{self.server_address[1]}{relay.root}"

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: uv hangs up when it has enough, and tells it when it hasn't."""


class _Answer(BaseHTTPRequestHandler):
    """Answers a GET for `ROOT/NAME/` with a page (PEP 691, 700), and for `ROOT/NAME/FILE` with a file."""

    server: _Server

    def do_GET(self) -> None:
        """Answer; a problem of the feed is kept for the step, and ends uv's run at once."""
        relay = self.server.relay
        name, _, file = unquote(self.path).removeprefix(relay.root).partition("/")
        project = str(canonicalize_name(name))
        try:
            if not self.path.startswith(relay.root):
                self._send(HTTPStatus.NOT_FOUND)
            elif file:
                self._file(project, file)
            else:
                self._page(project)
        except StepError as error:
            relay.failures.append(error)
            self._send(HTTPStatus.FAILED_DEPENDENCY)

    def do_HEAD(self) -> None:
        """Refuse: then uv reads a wheel's metadata from the whole file."""
        self._send(HTTPStatus.METHOD_NOT_ALLOWED)

    def _page(self, name: str) -> None:
        page = self.server.relay.page(name)
        if page is None:
            self._send(HTTPStatus.NOT_FOUND)
            return
        files = [
            {
                "filename": file,
                "url": quote(file),
                "hashes": {"sha256": digest} if digest else {},
                "yanked": file in page.yanked,
                "upload-time": _ALWAYS,
                **({"requires-python": page.pythons[file]} if file in page.pythons else {}),
                **({"core-metadata": True} if file in page.described else {}),
            }
            for file, digest in page.files.items()
        ]
        content = {"meta": {"api-version": "1.1"}, "name": name, "files": files}
        self._send(HTTPStatus.OK, json.dumps(content).encode(), "application/vnd.pypi.simple.v1+json")

    def _file(self, name: str, file: str) -> None:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as body:
            if not self.server.relay.fetch(name, file, body):  # type: ignore[arg-type]  # it has what BinaryIO has
                self._send(HTTPStatus.NOT_FOUND)
                return
            size = body.tell()
            body.seek(0)
            self._send_head(HTTPStatus.OK, size, "application/octet-stream")
            shutil.copyfileobj(body, self.wfile)

    def _send(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
        self._send_head(status, len(body), kind)
        self.wfile.write(body)

    def _send_head(self, status: HTTPStatus, size: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.send_header("Cache-Control", self.server.relay.caching)
        self.end_headers()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the files are told by `echo`."""


@contextlib.contextmanager
def serve(
    index: Index | None, published: Published, own: frozenset[str], echo: Callable[[str], None]
) -> Iterator[Relay]:
    """Answer in the background while the block runs; see `Relay`. A failed build gets the cause that is known here."""
    relay = Relay(index, published, own, echo)
    try:
        with answering(relay):
            yield relay
    except BuildFailed as error:
        raise relay.explain(error) from None


@contextlib.contextmanager
def answering(relay: Relay) -> Iterator[None]:
    """Answer for `relay` in the background while the block runs."""
    server = _Server(relay)
    thread = threading.Thread(target=server.serve_forever, args=(_LOOKS,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which a tool reaches this machine past any proxy."""
    names = [name for name in environ if name.upper() == "NO_PROXY"] or ["NO_PROXY"]
    return {name: ",".join(filter(None, [environ.get(name), "127.0.0.1"])) for name in names}
