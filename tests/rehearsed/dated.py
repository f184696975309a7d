"""The public index as it was on a day: its own pages without what was uploaded later, from a server on loopback."""

import contextlib
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rehearsal.artifacts import upstream

_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Dated:
    """What is served: the index as of `day` (`YYYY-MM-DD`); without `timed` it leaves out upload times, as many do."""

    day: str
    timed: bool = True
    url: str = ""
    origin: str = field(default_factory=upstream.index_url)
    """The real index; the variables that name it may change while this one is served."""

    @property
    def variables(self) -> dict[str, str]:
        """What makes it the public index of the step."""
        return {"UV_DEFAULT_INDEX": self.url, "UV_INDEX_URL": "", "PIP_INDEX_URL": self.url}

    def page(self, name: str) -> bytes:
        """Return a package's page as of the day."""
        url = urllib.parse.urljoin(self.origin, f"{name}/")
        request = urllib.request.Request(url, headers={"Accept": _JSON})  # noqa: S310  # http(s) by configuration
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        kept = [each for each in found["files"] if each["upload-time"] < self.day]
        for each in kept:
            each["url"] = urllib.parse.urljoin(url, each["url"])
            if not self.timed:
                del each["upload-time"]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": kept}).encode()


@contextlib.contextmanager
def serve(day: str) -> Iterator[Dated]:
    """Serve the index as of a day, which may be changed meanwhile."""
    index = Dated(day)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                body = index.page(self.path.strip("/").rpartition("/")[2])
            except urllib.error.HTTPError as error:
                self.send_error(error.code)
                return
            self.send_response(200)
            self.send_header("Content-Type", _JSON)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple/"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
