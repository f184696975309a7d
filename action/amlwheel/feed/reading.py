"""The feed as the resolver reads it, so that making a plan saves nothing in the feed.

A feed tells no metadata beside its files, so uv downloads candidates to learn what they require; and a download with a
right to write saves an upstream's file in the feed (see `upstream`). So uv asks here: pages are the feed's, and a file
comes from whoever has the same sha256 without saving it: the feed for a token that only reads, else the public index.
"""

import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import requests
from packaging.utils import canonicalize_name
from typing_extensions import override

from ..errors.base import NoNetwork, StepError, TooSlow
from ..errors.feed import FeedUnexpected, WouldSave
from ..model.secret import Secret
from ..transport import http, variables
from . import relay, upstream
from .index import Index, Page, read
from .relay import Relay

LARGEST_METADATA = 2**23  # bytes
_REFUSED = (401, 403, 404)  # for a file that isn't saved (docs/assumptions.md)
_NOWHERE = Page({})


@dataclass(frozen=True)
class Public:
    """The public index as this machine gets it: `url` may be a mirror's, with a login. Who can't reach it has none."""

    url: str
    login: Secret | None = None
    pages: dict[str, Page] = field(default_factory=dict)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Public":
        """Return what uv's and pip's variables name, see `variables.for_tool`; else the index that twine knows."""
        given = variables.for_tool(environ)
        parts = urlsplit(
            re.sub(r"^[\w.-]+=", "", given.get("UV_DEFAULT_INDEX") or given.get("UV_INDEX_URL") or _public())
        )
        login = Secret(unquote(parts.password), unquote(parts.username or "")) if parts.password else None
        return cls(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/") + "/", login)

    def page(self, name: str) -> Page:
        """Return its page of a package; one without files if it has none, or doesn't answer."""
        if name not in self.pages:
            self.pages[name] = _NOWHERE
            with contextlib.suppress(NoNetwork, TooSlow):
                answer = http.get(f"{self.url}{name}/", token=self.login, accept="text/html")
                if answer.status_code == requests.codes.ok:
                    self.pages[name] = read(answer)
        return self.pages[name]

    def address(self, name: str, sha256: str) -> str:
        """Return the address of the package's file with this sha256; empty if there is none."""
        page = self.page(name)
        return next((page.urls[file] for file, digest in page.files.items() if digest == sha256 != ""), "")

    def stream(self, url: str) -> contextlib.AbstractContextManager[requests.Response]:
        """GET one of its files; the login goes to its own host alone."""
        own = urlsplit(url).netloc == urlsplit(self.url).netloc
        return http.stream(url, self.login if own else None)


def _public() -> str:
    from twine.utils import DEFAULT_REPOSITORY  # noqa: PLC0415  # takes a while, and few runs need it

    return f"https://{str(urlsplit(DEFAULT_REPOSITORY).hostname).removeprefix('upload.')}/simple/"


@dataclass
class Reading(Relay):
    """What uv reads of the feed, `index`, whose token may write: it gets pages, which saves nothing.

    `reader` may only read; None if there is no such token. `public` is None where a name may be nobody's but ours; it
    isn't asked for the names that are `ours`, as the feed has them of its own. A file that nobody else has is
    told to `saves` and saved before the plan; without `saves`, as in a dry run, it is `unread`.
    """

    reader: Index | None = None
    public: Public | None = None
    ours: frozenset[str] = frozenset()
    saves: Callable[[str], None] | None = None
    unread: set[str] = field(default_factory=set)

    def original(self, text: str) -> str:
        """Return a text of uv's with the feed's addresses in place of ours."""
        files = re.escape(self.url) + r"([^/\s\"]+)/([^/\s\"#?]+\.(?:whl|tar\.gz|zip))"
        text = re.sub(files, lambda found: self._address(unquote(found[1]), unquote(found[2])) or found[0], text)
        return text.replace(self.url, self.index.feed.index_url if self.index else "")

    def _address(self, name: str, file: str) -> str:
        return self.pages.get(str(canonicalize_name(name)), _NOWHERE).urls.get(file, "")

    def _public(self, name: str) -> Public | None:
        return None if name in self.ours else self.public

    @override
    def page(self, name: str) -> Page | None:
        """Return the feed's page; beside the files that the public index has as well there are their metadata."""
        known = name in self.pages
        page = super().page(name)
        public = self._public(name)
        if page is None or known or not public:
            return page
        theirs = public.page(name)
        described = {theirs.files[file] for file in theirs.described} - {""}
        page = replace(page, described=frozenset(file for file, digest in page.files.items() if digest in described))
        self.pages[name] = page
        return page

    @override
    def fetch(self, name: str, file: str, into: BinaryIO) -> bool:
        """Write a file, or its metadata, `into`; False if there is none that can be read without saving it."""
        page, wheel = self.pages.get(name, _NOWHERE), file.removesuffix(".metadata")
        if wheel not in page.urls:
            return False
        if wheel != file:
            return self._metadata(name, page.files[wheel], into)
        reader = self.reader or (self.index if name in self.ours else None)
        if reader and _copy(reader.stream(page.urls[file]), page.files[file], into, reader.check):
            return True
        public = self._public(name)
        address = public.address(name, page.files[file]) if public else ""
        if public and address and _copy(public.stream(address), page.files[file], into):
            return True
        return self._save(page, file, into)

    def _metadata(self, name: str, sha256: str, into: BinaryIO) -> bool:
        public = self._public(name)
        address = public.address(name, sha256) if public else ""
        if not public or not address:
            return False
        with public.stream(f"{address}.metadata") as answer:
            content = answer.raw.read(LARGEST_METADATA, decode_content=True)
        into.write(content)
        return bool(answer.status_code == requests.codes.ok)

    def _save(self, page: Page, file: str, into: BinaryIO) -> bool:
        """Download a file that nobody else has with the token that may write, if this run saves at all."""
        if not self.index or not self.saves:
            self.unread.add(file)
            return False
        self.saves(f"{file} in {self.index.feed.label}")
        return _copy(self.index.stream(page.urls[file]), page.files[file], into, self.index.check)

    def download(self, url: str, place: Path) -> bool:
        """Write the file at `url` to `place`, if a page of the feed has it; raise WouldSave if it can't be read."""
        found = ((name, file) for name, page in self.pages.items() for file, each in page.urls.items() if each == url)
        name, file = next(found, ("", ""))
        if file:
            with place.open("wb") as into:
                self.fetch(name, file, into)
            self.check()
        return bool(file)

    def check(self) -> None:
        """Raise why something couldn't be read, if it couldn't: the feed's failure, or WouldSave."""
        if self.failures:
            raise self.failures[0]
        if self.unread:
            shown = ", ".join(sorted(self.unread)[: upstream.SHOWN])
            label = self.index.feed.label if self.index else ""
            raise WouldSave(f"What {shown} requires can't be read without saving it in {label}.")


def _copy(
    opened: contextlib.AbstractContextManager[requests.Response],
    sha256: str,
    into: BinaryIO,
    check: Callable[[requests.Response], object] = lambda _: None,
) -> bool:
    """Copy a file `into`, if it is there for this reader; raise FeedUnexpected for other bytes than `sha256`."""
    digest = hashlib.sha256()
    with opened as answer:
        if answer.status_code not in _REFUSED:
            check(answer)
        if answer.status_code != requests.codes.ok or "html" in answer.headers.get("Content-Type", ""):
            return False
        with tempfile.SpooledTemporaryFile(2**23) as body:
            for block in answer.iter_content(2**20):
                digest.update(block)
                body.write(block)
            if sha256 not in ("", digest.hexdigest()):
                raise FeedUnexpected(f"A file isn't what the feed's page says: its sha256 is {digest.hexdigest()}.")
            body.seek(0)
            shutil.copyfileobj(body, into)
    return True


@contextlib.contextmanager
def serve(made: Reading) -> Iterator[Reading]:
    """Answer while the block runs. It fails with the cause that is known here, if there is one."""
    try:
        with relay.answering(made):
            yield made
    except StepError:
        made.check()
        raise
    made.check()
