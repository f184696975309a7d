"""An index on this machine that gives a build the feed's packages, so that the build needs no token.

uv asks it first. For a name that it knows, uv asks no other index ("first-index", uv's own default): no package of the
same name on the public index can take its place. It knows the names that were published to the feed and those that
this run builds; where nobody can tell the published names, it knows whatever the feed shows.
"""

import contextlib
import hashlib
import html
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name
from typing_extensions import override

from ..errors.base import StepError
from ..errors.build import BuildFailed
from ..errors.feed import FeedUnexpected
from .index import Index, Page

_IN_MEMORY = 2**23  # bytes; a larger file goes to the disk on its way


class Relay(ThreadingHTTPServer):
    """Serves pages and files of `index` (None: there is no feed). `own` are the names that this run builds.

    `echo` gets a line for each file, with its sha256. The address has a random part, so that other users of the
    machine can't guess it.
    """

    daemon_threads = True

    def __init__(
        self, index: Index | None, published: frozenset[str] | None, own: frozenset[str], echo: Callable[[str], None]
    ) -> None:
        """Listen on a free port of the loopback interface."""
        self.index, self.published, self.own, self.echo = index, published, own, echo
        self.root = f"/{secrets.token_urlsafe(16)}/"
        self.pages: dict[str, Page] = {}
        self.failures: list[StepError] = []
        self.unbuilt: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Answer)

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return what makes uv ask here first, past any proxy (uv, "Environment variables")."""
        names = [name for name in environ if name.upper() == "NO_PROXY"] or ["NO_PROXY"]
        beside = {name: ",".join(filter(None, [environ.get(name), "127.0.0.1"])) for name in names}
        url = f"http://127.0.0.1:{self.server_address[1]}{self.root}"
        return {"UV_INDEX": url, "UV_INDEX_STRATEGY": "first-index", **beside}

    def page(self, name: str) -> Page | None:
        """Return the page of the package `name`; None if it isn't one of ours, so that the public index is asked."""
        if name not in self.pages:
            asked = self.index and (self.published is None or name in self.published)
            self.pages[name] = self.index.page(name) if self.index and asked else Page({})
        page = self.pages[name]
        if not page.files and name in self.own:
            self.unbuilt.add(name)
        known = page.files or name in self.own or name in (self.published or ())
        return page if known else None

    def fetch(self, name: str, file: str, into: BinaryIO) -> bool:
        """Write a file `into`, if a page has it that was asked for; raise FeedUnexpected for other bytes."""
        page = self.pages.get(name)
        if not self.index or not page or file not in page.urls:
            return False
        digest = hashlib.sha256()
        with self.index.stream(page.urls[file]) as response:
            self.index.check(response)
            for block in response.iter_content(2**20):
                digest.update(block)
                into.write(block)
        if page.files[file] not in ("", digest.hexdigest()):
            raise FeedUnexpected(f"The feed's {file} isn't what its page says: its sha256 is {digest.hexdigest()}.")
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

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: uv hangs up when it has enough, and tells it when it hasn't."""


class _Answer(BaseHTTPRequestHandler):
    """Answers a GET for `ROOT/NAME/` with a PEP 503 page, and for `ROOT/NAME/FILE` with a file."""

    server: Relay

    def do_GET(self) -> None:
        """Answer; a problem of the feed is kept for the step, and ends uv's run at once."""
        name, _, file = unquote(self.path).removeprefix(self.server.root).partition("/")
        if not self.path.startswith(self.server.root):
            self._send(HTTPStatus.NOT_FOUND)
            return
        try:
            self._page(str(canonicalize_name(name))) if not file else self._file(str(canonicalize_name(name)), file)
        except StepError as error:
            self.server.failures.append(error)
            self._send(HTTPStatus.FAILED_DEPENDENCY)

    def do_HEAD(self) -> None:
        """Refuse: then uv reads a wheel's metadata from the whole file."""
        self._send(HTTPStatus.METHOD_NOT_ALLOWED)

    def _page(self, name: str) -> None:
        page = self.server.page(name)
        if page is None:
            self._send(HTTPStatus.NOT_FOUND)
            return
        lines = []
        for file, digest in page.files.items():
            href = quote(file) + (f"#sha256={digest}" if digest else "")
            yanked = ' data-yanked=""' if file in page.yanked else ""
            lines.append(f'<a href="{href}"{yanked}>{html.escape(file)}</a>\n')
        self._send(HTTPStatus.OK, "".join(lines).encode(), "text/html")

    def _file(self, name: str, file: str) -> None:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as body:
            if not self.server.fetch(name, file, body):  # type: ignore[arg-type]  # it has what BinaryIO has
                self._send(HTTPStatus.NOT_FOUND)
                return
            body.seek(0)
            self._send(HTTPStatus.OK, body.read(), "application/octet-stream")

    def _send(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the files are told by `echo`."""


@contextlib.contextmanager
def serve(relay: Relay) -> Iterator[Relay]:
    """Answer in the background while the block runs. Raises what made a build in it fail."""
    thread = threading.Thread(target=relay.serve_forever, daemon=True)
    thread.start()
    try:
        yield relay
    except BuildFailed as error:
        raise relay.explain(error) from None
    finally:
        relay.shutdown()
        thread.join()
        relay.server_close()
