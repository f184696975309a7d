"""Download what the lock names: from its own address, checked by its sha256."""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors.base import NoNetwork, StepError, TooSlow
from ..model import origin
from ..model.feed import Feed
from ..model.secret import Secret
from ..model.wheel import File
from . import http

TRIES = 3
_INDEXES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
)


@dataclass(frozen=True)
class Downloads:
    """Downloads files of the lock, each from its own address, with the credential that its host may get.

    `error` is raised for a file that isn't there any more, or isn't the one that was locked.
    """

    feed: Feed | None
    token: Secret
    environ: Mapping[str, str]
    error: type[StepError]

    def access(self, url: str) -> Secret | None:
        """Return the credential that the origin of `url` may get: the feed's, or the one in the index variables."""
        if self.feed and origin.same(url, self.feed.index_url):
            return self.token
        for text in " ".join(self.environ.get(name, "") for name in _INDEXES).split():
            index = re.sub(r"^[\w.-]+=(?=http)", "", text)
            parts = urlsplit(index)
            if parts.password is not None and origin.same(url, index):
                return Secret(unquote(parts.password), unquote(parts.username or ""))
        return None

    def fetch(self, file: File, place: Path, pause: Callable[[float], None] = time.sleep) -> None:
        """Download `file` to `place` and check its sha256. Raises `error`, NoNetwork, TooSlow."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(file, place)
            except (NoNetwork, TooSlow):
                if attempt == TRIES:
                    raise
                pause(attempt)
        raise AssertionError(file)

    def ask(self, file: File) -> None:
        """Ask for the first byte of `file`; raise `error` when it isn't there, or has another size than the lock's."""
        host, feed = urlsplit(file.url).netloc, self.feed
        headers = {**(feed.headers if feed and host == feed.host else {}), "Range": "bytes=0-0"}
        with http.stream(file.url, self.access(file.url), headers) as answer:
            if answer.status_code not in (200, 206):
                raise self.error(f"{host} answered {answer.status_code} for {file.name}.")
            size = answer.headers.get("Content-Range", "").rpartition("/")[2] or answer.headers.get("Content-Length")
            if file.size and size and size.isdigit() and int(size) != file.size:
                raise self.error(f"{host} has {file.name} with {size} bytes; the lock's file has {file.size}.")

    def _once(self, file: File, place: Path) -> None:
        digest = hashlib.sha256()
        own = self.feed and urlsplit(file.url).netloc == self.feed.host
        with http.stream(file.url, self.access(file.url), self.feed.headers if self.feed and own else {}) as answer:
            if answer.status_code != 200:  # noqa: PLR2004
                raise self.error(f"{urlsplit(file.url).netloc} answered {answer.status_code} for {file.name}.")
            with place.open("wb") as content:
                for chunk in http.blocks(answer):
                    digest.update(chunk)
                    content.write(chunk)
        if digest.hexdigest() != file.sha256:
            raise self.error(f"{urlsplit(file.url).netloc} gave {file.name} with another sha256 than the lock's.")
