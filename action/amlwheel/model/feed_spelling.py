"""Read every spelling of a feed that people paste, and suggest the probable one when none fits."""

import difflib
import re
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from ..errors.inputs import BadFeed
from .feed import Feed

_HOSTS = ("pkgs.dev.azure.com", "dev.azure.com", "feeds.dev.azure.com")
_LEGACY = re.compile(r"([a-z0-9][a-z0-9-]*)\.(?:pkgs\.|feeds\.)?visualstudio\.com", re.IGNORECASE)
# Azure DevOps, "Naming restrictions and conventions": organisations, and what feeds and projects can't contain.
_ORGANISATION = re.compile(r"[a-zA-Z0-9]+(-+[a-zA-Z0-9]+)*")
_NAME = re.compile(r"[^\s/\\@~:;{}<>?|'\"`%$#&*+=\[\],.][^/\\@:;{}<>?|'\"`%$#&*+=\[\],]*(?<!\s)")
_LOOPBACK = ("localhost", "127.0.0.1")  # [::1] has brackets, which a shell doesn't take as they are
# Another repository's host and path: only characters that pip's options, outputs and shell lines take as they are.
_PLAIN = re.compile(r"[a-zA-Z0-9.-]+(:\d+)?/[\w.~%!()+,=:@/-]*", re.ASCII)


class _Shape(NamedTuple):
    """How a kind of repository is addressed: `base` matches host and path, `upload` follows them for uploads.

    `upload` is None where nothing can be uploaded. `apart`: tokens are made for one repository and not for the host,
    so each repository has a connection of its own.
    """

    base: str
    upload: str | None
    apart: bool = False


# All have their index in `simple/` below the base. From the manuals of GitLab (PyPI packages in the package registry),
# JFrog (PyPI repositories), Sonatype (PyPI repositories), Google (Artifact Registry, Configure authentication to Python
# package repositories) and AWS (CodeArtifact, Configure and use twine).
_SHAPES = (
    _Shape(r"[^/]+/(?:.+/)?api/v4/projects/[^/]+/packages/pypi", "", apart=True),
    _Shape(r"[^/]+/(?:.+/)?api/v4/groups/[^/]+/-/packages/pypi", None, apart=True),
    _Shape(r"[^/]+/(?:.+/)?api/pypi/[^/]+", ""),
    _Shape(r"[^/]+/(?:.+/)?repository/[^/]+", "/"),
    _Shape(r"[a-z0-9-]+-python\.pkg\.dev/[^/]+/[^/]+", "/", apart=True),
    _Shape(r"[a-z0-9-]+\.d\.codeartifact\.[a-z0-9-]+\.(?:amazonaws\.com|on\.aws)/pypi/[^/]+", "/"),
    _Shape(r"[^/]+", "/"),  # pypiserver (its README) has the index below the root, and takes uploads at the root
)


def parse_feed(text: str) -> Feed:
    """Return the feed that `text` names: `ORG/FEED`, `ORG/PROJECT/FEED`, an Artifacts address, or an index's URL.

    Legacy addresses (`ORG.pkgs.visualstudio.com`) come out as their `pkgs.dev.azure.com` equivalents, so that the
    index and the connection always share a host. Raises BadFeed.
    """
    text = text.strip()
    if re.match(r"https?://", text, re.IGNORECASE):
        try:
            url = urlsplit(text)
        except ValueError:  # not shown: a credential may be in it
            raise BadFeed("`feed` is an address with an invalid host.") from None
        return _from_url(text, url)
    first, slash, rest = text.partition("/")
    if "." in first:
        host = first.rpartition("@")[2]  # what stands before may be a credential
        raise BadFeed(
            f"`feed` {host + slash + rest!r} looks like an address without https:// in front.",
            fix=f"Write `feed` as https://{_meant(host) or host}{slash}{rest}.",
        )
    parts = [unquote(part) for part in text.strip("/").split("/")]
    if len(parts) == 2:  # noqa: PLR2004  # ORG/FEED
        return replace(_artifacts(text, parts[0], None, parts[1]), short=True)
    if len(parts) == 3:  # noqa: PLR2004  # ORG/PROJECT/FEED
        return _artifacts(text, *parts)
    raise BadFeed(f"`feed` {text!r} has {len(parts)} part(s) between slashes; ORG/FEED or ORG/PROJECT/FEED is needed.")


def _from_url(text: str, url: SplitResult) -> Feed:
    host = (url.hostname or "").lower()
    if "@" in url.netloc:
        shown = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
        raise BadFeed(
            f"`feed` is an address with a user name or token in it ({shown} without it).",
            fix="Take the credential out of `feed`; give it as `feed-token`, from a secret.",
        )
    legacy = _LEGACY.fullmatch(host)
    if host in _HOSTS or legacy:
        return _from_azure(text, url, legacy[1] if legacy else None)
    if ":" in host:
        raise BadFeed(
            f"`feed` {text!r} has an IPv6 address as its host, which a shell doesn't take as it is.",
            fix="Write the host of `feed` as a name: localhost in place of [::1].",
        )
    meant = _meant(host)
    if meant:
        raise BadFeed(
            f"`feed` {text!r}: there is no host {host}.", fix=f"Did you mean {text.replace(url.netloc, meant, 1)}?"
        )
    return _repository(text, url)


def _from_azure(text: str, url: SplitResult, organisation: str | None) -> Feed:
    """Read the addresses of Azure DevOps: index, upload, browser (`_artifacts`, `_packaging?_a=feed`) and REST."""
    parts = [unquote(part) for part in url.path.split("/") if part]
    if organisation is None:
        organisation = parts.pop(0) if parts else ""
    elif parts[:1] == ["DefaultCollection"]:
        parts.pop(0)
    query = parse_qs(url.query)
    for index, part in enumerate(parts):
        lower = part.lower()
        rest = parts[index + 1 :]
        if lower == "_artifacts" and len(rest) > 1 and rest[0].lower() == "feed":
            return _artifacts(text, organisation, "/".join(parts[:index]) or None, rest[1])
        if lower == "_packaging" and (rest or "feed" in query):
            return _artifacts(
                text, organisation, "/".join(parts[:index]) or None, rest[0] if rest else query["feed"][0]
            )
        if lower == "_apis" and [each.lower() for each in rest[:2]] == ["packaging", "feeds"] and len(rest) > 2:  # noqa: PLR2004
            return _artifacts(text, organisation, "/".join(parts[:index]) or None, rest[2])
    raise BadFeed(f"`feed` {text!r} is an address of Azure DevOps, but names no feed.")


def _artifacts(text: str, organisation: str, project: str | None, feed: str) -> Feed:
    name, at, view = feed.partition("@")
    parts = {"an organisation": organisation, "a project": project, "a feed": name, "a view": view if at else None}
    for what, part in parts.items():
        pattern = _ORGANISATION if what == "an organisation" else _NAME
        if part is not None and not (pattern.fullmatch(part) and part.isprintable()):
            raise BadFeed(f"`feed` {text!r}: {part!r} can't be the name of {what}.")
    return Feed.artifacts(organisation, project, name, view or None)


def _repository(text: str, url: SplitResult) -> Feed:
    """Take any other PEP 503 index.

    An address that fits no known kind of repository is the index itself, and uploads go to its parent, as with
    pypiserver, devpi and most others.
    """
    _check_plain("feed", text, url)
    host, scheme = f"{url.scheme}://{url.netloc}", f"{url.scheme}://"
    place = (url.netloc + url.path).rstrip("/")
    base = re.sub(r"/simple$", "", place)
    for shape in _SHAPES:
        if re.fullmatch(shape.base, base, re.IGNORECASE):
            upload = "" if shape.upload is None else f"{scheme}{base}{shape.upload}"
            target = f"{scheme}{base}" if shape.apart else host
            return Feed(f"{scheme}{base}/simple/", upload, target, name=url.netloc)
    index = f"{scheme}{place}/"
    return Feed(index, re.sub(r"\+?simple/$", "", index), host, name=url.netloc)


def parse_upload_url(text: str) -> str:
    """Return the address in `feed-upload-url` as it is; raise BadFeed for one to which no token may be sent."""
    try:
        url = urlsplit(text)
    except ValueError:
        url = urlsplit("")
    if "@" in url.netloc:
        raise BadFeed(
            "`feed-upload-url` is an address with a user name or token in it.",
            fix="Take the credential out of it; give `feed-user` and `feed-token`.",
        )
    _check_plain("feed-upload-url", text, url)
    return text


def _check_plain(name: str, text: str, url: SplitResult) -> None:
    """Raise BadFeed unless `url` is a plain address, and nobody on the way can read what is sent there."""
    if (
        url.scheme not in ("http", "https")
        or url.query
        or url.fragment
        or not _PLAIN.fullmatch(f"{url.netloc}{url.path}/")
    ):
        message = f"`{name}` {text!r} isn't the address of a simple index (https://HOST/…/simple/)."
        if name != "feed":
            message = f"`{name}` {text!r} isn't an address that takes uploads (https://HOST/…)."
        raise BadFeed(message, fix="" if name == "feed" else f"Write `{name}` as twine's repository URL.")
    if url.scheme != "https" and url.hostname not in _LOOPBACK:
        raise BadFeed(
            f"`{name}` {text!r} isn't encrypted: a token sent to it could be read on the way.",
            fix=f"Write `{name}` with https://.",
        )


def _meant(host: str) -> str | None:
    """Return the Azure host that a misspelt `host` resembles, if any."""
    near = difflib.get_close_matches(host.lower(), [*_HOSTS, "pkgs.azure.com"], n=1, cutoff=0.8)
    return None if not near else "pkgs.dev.azure.com" if near[0] == "pkgs.azure.com" else near[0]
