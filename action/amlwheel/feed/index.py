"""The feed as its index shows it: what is asked is what pip will ask, and every answer has a name."""

import contextlib
import html.parser
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import requests
from packaging.utils import canonicalize_name

from ..errors.feed import FeedNotFound, FeedUnexpected
from ..errors.transport import BeyondBounds
from ..model import jwt, origin
from ..model.feed import Feed
from ..model.secret import Secret
from ..transport import http
from . import answers

MOST_NAMES = 20_000
_DESCRIBED = {"data-core-metadata", "data-dist-info-metadata"}  # PEP 714, PEP 658


@dataclass(frozen=True)
class Page:
    """A package's page on the index: sha256 (hex, empty when not given) by file name; no files when it has no page.

    `doubtful`: the answer was 404 and didn't say whether the package or the feed is unknown. `urls`: the files'
    addresses, by file name as well. `yanked` are the files that their author withdrew (PEP 592), `pythons` the Pythons
    that files are for (PEP 503), and `described` the files beside which the index has their metadata (PEP 658).
    """

    files: dict[str, str]
    doubtful: bool = False
    urls: dict[str, str] = field(default_factory=dict)
    yanked: frozenset[str] = frozenset()
    pythons: dict[str, str] = field(default_factory=dict)
    described: frozenset[str] = frozenset()


class _Links(html.parser.HTMLParser):
    """Collects the links of a PEP 503 page, or of the index's root."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.said: dict[str, dict[str, str | None]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            links = [value for name, value in attrs if name == "href" and value]
            self.links += links
            self.said.update({link: dict(attrs) for link in links})


@dataclass(frozen=True)
class Index:
    """The index of `feed` as the holder of `token` sees it. `token_input` names the token in errors."""

    feed: Feed
    token: Secret
    token_input: str = "feed-token"  # noqa: S105  # the name of an input

    def through(self, view: str | None) -> "Index":
        """Return the index of a view; with None that of the feed itself."""
        return replace(self, feed=self.feed.through(view))

    def page(self, package: str) -> Page:
        """Return what the index shows of `package`, or raise the named cause.

        It is the request that pip makes in the image build, so whatever is wrong with the token shows here first.
        An unknown package is an empty page; an unknown feed is FeedNotFound.
        """
        feed, response = self.feed, self._get(self.feed.page(package), "text/html")
        text = f"{response.reason} {response.text}"
        if response.status_code == requests.codes.unauthorized and answers.UNSAVED in text:
            return Page({})
        if answers.is_forwarded(response, feed, package):
            return Page({})
        if response.status_code == requests.codes.not_found:
            answers.check_devpi(response, feed)
            if not answers.NO_FEED.search(text):
                return Page({}, doubtful="package" not in text.lower())
        if response.status_code == requests.codes.unauthorized and feed.is_artifacts:
            answers.check_member(feed, jwt.of(self.token.reveal()), response)
        self.check(response)
        return read(response)

    def settle(self, page: Page, published: frozenset[str] | None) -> None:
        """Raise FeedNotFound if a doubtful 404 turns out to mean the feed: its `published` names are unknown, too."""
        if not page.doubtful or not self.feed.is_artifacts:
            return
        known = min(published, default="") if published is not None else None
        if known is None or (known and not self.page(known).files):
            raise FeedNotFound(f"There is no index at {self.feed.index_url}: 404.")

    def names(self) -> frozenset[str] | None:
        """Return the normalised names that were published to another repository; None if it doesn't list them.

        The root of its index lists them. A list of more than `MOST_NAMES` isn't a list of what was published: it is
        that of a public index which the repository shows too.
        """
        if self.feed.index_url.endswith("/+simple/"):
            return self._names_on_devpi(self.feed.index_url.removesuffix("/+simple/"))
        try:
            response = self._get(self.feed.index_url, "text/html")
        except BeyondBounds:
            return None
        if response.status_code != requests.codes.ok or "html" not in response.headers.get("Content-Type", ""):
            return None
        links = _links(response).links
        names = frozenset(canonicalize_name(unquote(link.rstrip("/").rpartition("/")[2])) for link in links)
        return names if len(names) <= MOST_NAMES else None

    def _names_on_devpi(self, index: str) -> frozenset[str] | None:
        """Return the names in a devpi index and in its bases, without mirrors: by default one base mirrors PyPI.

        devpi-server's REST interface: an index lists its own projects, its type and its bases (as `USER/INDEX`).
        """
        root, user, name = index.rsplit("/", 2)
        indexes, names = [f"{user}/{name}"], set[str]()
        for each in indexes:  # it grows
            if each != indexes[0] and self._devpi(f"{root}/{each}?no_projects=").get("type") == "mirror":
                continue  # otherwise it would list a whole public index
            result = self._devpi(f"{root}/{each}")
            if not isinstance(result.get("projects"), list):
                return None
            names |= {canonicalize_name(str(project)) for project in result["projects"]}
            indexes += [base for base in map(str, result.get("bases", ())) if base not in indexes]
        return frozenset(names)

    def _devpi(self, url: str) -> dict[str, Any]:
        try:
            result = json.loads(self._get(url, "application/json").text)["result"]
        except (ValueError, KeyError, TypeError):
            return {}
        return result if isinstance(result, dict) else {}

    def check(self, response: requests.Response) -> None:
        """Raise the error that a response of this index stands for; return for a page."""
        answers.check(response, self.feed, self.token_input)

    def sha256(self, url: str, most: int) -> str:
        """Return the sha256 (hex) of the file at `url`; empty if there is none, or one of more than `most` bytes."""
        return http.sha256(url, self._for_host(url), most, self.feed.headers)

    def fetch(self, url: str, *, first_byte: bool = False) -> requests.Response:
        """GET a file that a page links to, or the first byte of it."""
        return http.get(url, token=self._for_host(url), headers=self.feed.headers, first_byte=first_byte)

    def stream(self, url: str) -> contextlib.AbstractContextManager[requests.Response]:
        """GET a file that a page links to, from wherever the feed sends the reader; see `http.stream`."""
        return http.stream(url, self._for_host(url), self.feed.headers)

    def _for_host(self, url: str) -> Secret | None:
        """Return the token for the feed's own origin alone: a page may link to any place, and without encryption."""
        return self.token if origin.same(url, self.feed.index_url) else None

    def _get(self, url: str, accept: str) -> requests.Response:
        return http.get(url, token=self.token, accept=accept, headers=self.feed.headers)


def _links(response: requests.Response) -> _Links:
    """Return the links of a page; raise FeedUnexpected for what Python's parser doesn't get over, such as `<![1`."""
    parser = _Links()
    try:
        parser.feed(response.text)
    except AssertionError as error:
        raise FeedUnexpected(
            f"{origin.split(response.url).netloc} answered with a page that isn't HTML: {error}."
        ) from None
    return parser


def read(response: requests.Response) -> Page:
    """Read a PEP 503 page."""
    files, urls, said = {}, {}, {}
    found = _links(response)
    for link in found.links:
        try:
            url, fragment = urldefrag(urljoin(response.url, link))
        except ValueError:
            continue  # not an address
        match = re.search(r"sha256=([0-9a-f]{64})", fragment)
        name = unquote(url.rpartition("/")[2])
        files[name], urls[name], said[name] = match[1] if match else "", url, found.said[link]
    return Page(
        files,
        urls=urls,
        yanked=frozenset(name for name, each in said.items() if "data-yanked" in each),
        pythons={name: python for name, each in said.items() if (python := each.get("data-requires-python"))},
        described=frozenset(name for name, each in said.items() if each.keys() & _DESCRIBED),
    )
