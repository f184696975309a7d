"""What Azure Artifacts answers to whoever reads a feed, as questions that a public feed answers without a credential.

The stand-in has to give the same answers: a rehearsed test asks it, `tests/public` asks Azure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

SECONDS = 30
NOWHERE = "amlwheel-asks-for-a-name-that-nobody-has"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
HTML = "200 text/html"
EXPECTED: Mapping[str, str] = {
    "page": HTML,
    "page, without the last slash": HTML,
    "page, in another spelling of the name": HTML,
    "page, asked for as JSON (PEP 691)": HTML,  # uv#10394, uv#21349
    "page, of the view Local": HTML,
    "links": "absolute, by the feed's GUID",  # uv#10394
    "sha256": "with every link",
    "upload time": "not told",
    "metadata of a file (PEP 658)": "not told",  # uv#11379
    "HEAD of a file": "405",  # uv#1713, uv#13208
    "first byte of a file": "206, 1 of more",
    "name that nobody has": "404",
    "name that the feed could get from upstream": "401 UnauthorizedRequestException",  # azure-sdk-for-net#53264
}
"""The questions, and what the stand-in answers."""


@dataclass(frozen=True)
class Place:
    """A public feed: its index, a project that it holds, and one that only its upstream has (empty: not asked)."""

    index: str
    name: str
    upstream: str = ""


def look(session: requests.Session, place: Place) -> dict[str, str]:
    """Ask a feed all questions; requests' errors mean that it can't be reached."""
    first = _get(session, place, place.name)
    links = _Links(first.text).found
    file = urljoin(first.url, links[0].get("href", "").partition("#")[0]) if links else first.url
    asked = {
        "page": _told(first),
        "page, without the last slash": _told(session.get(f"{place.index}{place.name}", timeout=SECONDS)),
        "page, in another spelling of the name": _told(_get(session, place, place.name.upper().replace("-", "_"))),
        "page, asked for as JSON (PEP 691)": _told(_get(session, place, place.name, accept=JSON_PAGE)),
        "page, of the view Local": _told(_get(session, _local(place), place.name)),
        "links": _form(link.get("href", "") for link in links),
        "sha256": _share(bool(re.search(r"#sha256=[0-9a-f]{64}$", link.get("href", ""))) for link in links),
        "upload time": "told" if re.search("upload-?time", first.text, re.IGNORECASE) else "not told",
        "metadata of a file (PEP 658)": _metadata(session, links, file),
        "HEAD of a file": str(session.head(file, timeout=SECONDS).status_code),
        "first byte of a file": _first_byte(session, file),
        "name that nobody has": str(_get(session, place, NOWHERE).status_code),
    }
    if place.upstream:
        asked["name that the feed could get from upstream"] = _refusal(_get(session, place, place.upstream))
    return asked


def differences(seen: Mapping[str, str]) -> list[str]:
    """Return what was answered otherwise than the stand-in does, a line each."""
    return [
        f"{question}: {answer!r}, the stand-in: {EXPECTED[question]!r}"
        for question, answer in seen.items()
        if answer != EXPECTED[question]
    ]


def _get(session: requests.Session, place: Place, name: str, accept: str = "text/html") -> requests.Response:
    return session.get(f"{place.index}{name}/", headers={"Accept": f"{accept}, */*;q=0.1"}, timeout=SECONDS)


def _local(place: Place) -> Place:
    return Place(re.sub(r"(/_packaging/[^/]+)/", r"\1@Local/", place.index), place.name)


def _told(answer: requests.Response) -> str:
    return f"{answer.status_code} {answer.headers.get('Content-Type', '').partition(';')[0]}"


def _refusal(answer: requests.Response) -> str:
    """Return status and key of a refusal. Somebody may have saved the package: then nothing can be told."""
    if answer.ok:
        return EXPECTED["name that the feed could get from upstream"]
    key = re.search(r'"typeKey":\s*"(\w+)"', answer.text)
    return f"{answer.status_code} {key[1] if key else ''}"


def _form(addresses: Iterable[str]) -> str:
    guid = r"https://[^/]+/(?:[^/]+/){0,2}_packaging/[0-9a-f-]{36}(?:@\w+)?/pypi/download/"
    return "absolute, by the feed's GUID" if all(re.match(guid, each) for each in addresses) else "in another form"


def _share(marks: Iterable[bool]) -> str:
    marks = list(marks)
    return "with every link" if marks and all(marks) else f"with {sum(marks)} of {len(marks)} links"


def _metadata(session: requests.Session, links: list[dict[str, str]], file: str) -> str:
    told = any({"data-core-metadata", "data-dist-info-metadata"} & set(link) for link in links)
    return "told" if told or session.get(f"{file}.metadata", timeout=SECONDS).ok else "not told"


def _first_byte(session: requests.Session, file: str) -> str:
    """Ask for one byte; Azure redirects to its storage, the stand-in answers itself (uv#11379)."""
    with session.get(file, headers={"Range": "bytes=0-0"}, timeout=SECONDS, stream=True) as answer:
        size = int(answer.headers.get("Content-Length", 0))
        whole = int(answer.headers.get("Content-Range", "/0").rpartition("/")[2])
    return f"{answer.status_code}, {size} of {'more' if whole > size else whole}"


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append({name: value or "" for name, value in attrs})
