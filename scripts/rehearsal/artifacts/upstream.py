"""The public index, as the upstream of a feed."""

import html.parser
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from pip._internal.models.index import PyPI


@dataclass(frozen=True)
class RemoteFile:
    """A file that the public index offers; `sha256` is empty if the index tells none."""

    filename: str
    url: str
    sha256: str
    requires_python: str | None


def index_url(environ: Mapping[str, str] = os.environ) -> str:
    """Return the index that this machine is configured to use, else the public one; it ends with a slash."""
    configured = (environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"))
    url = next(filter(None, configured), PyPI.simple_url)
    return url.rstrip("/") + "/"


def hosts(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the hosts that belong to the public index and to the one that this machine is configured to use."""
    own = urllib.parse.urlsplit(index_url(environ)).hostname or ""
    return sorted({PyPI.netloc, PyPI.file_storage_domain, own} - {""})


def files(name: str) -> list[RemoteFile]:
    """Return the files of a project, none if the index doesn't know it. OSError when it can't be reached."""
    url = urllib.parse.urljoin(index_url(), f"{name}/")
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310  # http(s) by configuration
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            content, kind = answer.read(), answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        if error.code == 404:  # noqa: PLR2004  # not found
            return []
        raise
    return _from_json(content, url) if kind.endswith("json") else _from_html(content.decode(), url)


def fetch(file: RemoteFile) -> bytes:
    """Return a file's bytes."""
    with urllib.request.urlopen(file.url, timeout=120) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


def _from_json(content: bytes, base: str) -> list[RemoteFile]:
    return [
        RemoteFile(
            item["filename"],
            urllib.parse.urljoin(base, item["url"]),
            item["hashes"].get("sha256", ""),
            item.get("requires-python"),
        )
        for item in json.loads(content)["files"]
    ]


def _from_html(content: str, base: str) -> list[RemoteFile]:
    parser = _Anchors()
    parser.feed(content)
    found = []
    for attributes in parser.anchors:
        url, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(base, attributes.get("href") or ""))
        filename = urllib.parse.unquote(url.rpartition("/")[2])
        digest = dict(urllib.parse.parse_qsl(fragment)).get("sha256", "")
        found.append(RemoteFile(filename, url, digest, attributes.get("data-requires-python")))
    return found


class _Anchors(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.anchors.append(dict(attrs))
