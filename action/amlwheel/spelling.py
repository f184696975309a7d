"""Read every spelling of a feed that people paste, and say what was probably meant when none fits; and a container."""

import difflib
import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from .errors import BadFeed, BadInput
from .model import Container, Feed

_HOSTS = ("pkgs.dev.azure.com", "dev.azure.com", "feeds.dev.azure.com")
_LEGACY = re.compile(r"([a-z0-9][a-z0-9-]*)\.(?:pkgs\.|feeds\.)?visualstudio\.com", re.IGNORECASE)
# Azure DevOps, "Naming restrictions and conventions": organisations, and what feeds and projects can't contain.
_ORGANISATION = re.compile(r"[a-zA-Z0-9]+(-+[a-zA-Z0-9]+)*")
_NAME = re.compile(r"[^\s/\\@~:;{}<>?|'\"`%$#&*+=\[\],.][^/\\@:;{}<>?|'\"`%$#&*+=\[\],]*(?<!\s)")
_LOOPBACK = ("localhost", "127.0.0.1")
# Another repository's host and path: what pip's options, outputs and shell lines can hold as it is.
_PLAIN = re.compile(r"[a-zA-Z0-9.-]+(:\d+)?/[\w.~%!()+,=:@/-]*", re.ASCII)


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
            message = "`feed` is an address with a host that can't be."
            raise BadFeed(message) from None
        return _from_url(text, url)
    first, slash, rest = text.partition("/")
    if "." in first:
        host = first.rpartition("@")[2]  # what stands before may be a credential
        message = f"`feed` {host + slash + rest!r} looks like an address without https:// in front."
        raise BadFeed(message, fix=f"Write `feed` as https://{_meant(host) or host}{slash}{rest}.")
    parts = [unquote(part) for part in text.strip("/").split("/")]
    if len(parts) == 2:  # noqa: PLR2004  # ORG/FEED
        return _artifacts(text, parts[0], None, parts[1])
    if len(parts) == 3:  # noqa: PLR2004  # ORG/PROJECT/FEED
        return _artifacts(text, *parts)
    message = f"`feed` {text!r} has {len(parts)} part(s) between slashes; ORG/FEED or ORG/PROJECT/FEED is needed."
    raise BadFeed(message)


def _from_url(text: str, url: SplitResult) -> Feed:
    host = (url.hostname or "").lower()
    if "@" in url.netloc:
        shown = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
        message = f"`feed` is an address with a user name or token in it ({shown} without it)."
        raise BadFeed(message, fix="Take the credential out of `feed`; give it as `feed-token`, from a secret.")
    legacy = _LEGACY.fullmatch(host)
    if host in _HOSTS or legacy:
        return _from_azure(text, url, legacy[1] if legacy else None)
    meant = _meant(host)
    if meant:
        message = f"`feed` {text!r}: there is no host {host}."
        raise BadFeed(message, fix=f"Did you mean {text.replace(url.netloc, meant, 1)}?")
    if url.scheme != "https" and host not in _LOOPBACK:
        message = f"`feed` {text!r} isn't encrypted: a token sent to it could be read on the way."
        raise BadFeed(message, fix="Write `feed` with https://.")
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
    message = f"`feed` {text!r} is an address of Azure DevOps, but names no feed."
    raise BadFeed(message)


def _artifacts(text: str, organisation: str, project: str | None, feed: str) -> Feed:
    name, at, view = feed.partition("@")
    parts = {"an organisation": organisation, "a project": project, "a feed": name, "a view": view if at else None}
    for what, part in parts.items():
        pattern = _ORGANISATION if what == "an organisation" else _NAME
        if part is not None and not (pattern.fullmatch(part) and part.isprintable()):
            message = f"`feed` {text!r}: {part!r} can't be the name of {what}."
            raise BadFeed(message)
    return Feed.artifacts(organisation, project, name, view or None)


def _repository(text: str, url: SplitResult) -> Feed:
    """Take any other PEP 503 index. Uploads go to its parent, as pypiserver, devpi and most others have it."""
    if url.query or url.fragment or not url.path.strip("/") or not _PLAIN.fullmatch(url.netloc + url.path):
        message = f"`feed` {text!r} isn't the address of a simple index (https://HOST/…/simple/)."
        raise BadFeed(message)
    index = f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}/"
    upload = re.sub(r"\+?simple/$", "", index)
    return Feed(index, upload, f"{url.scheme}://{url.netloc}", name=url.netloc)


def _meant(host: str) -> str | None:
    """Return the Azure host that a misspelt `host` is near to, if any."""
    near = difflib.get_close_matches(host.lower(), [*_HOSTS, "pkgs.azure.com"], n=1, cutoff=0.8)
    return None if not near else "pkgs.dev.azure.com" if near[0] == "pkgs.azure.com" else near[0]


def parse_container(text: str) -> Container:
    """Return the container that `https://ACCOUNT.blob.core.windows.net/CONTAINER` names.

    The grammar is that of Learn, resource-name-rules, and of the REST reference, "Naming and referencing containers".
    Raises BadInput, which shows no signature.
    """
    if re.search(r"[?#@]", text):
        message = "it is more than an address: what stands around it could be a credential, and none is needed."
        raise BadInput(message, fix="Write the address alone; if it was a signed one, revoke the signature.")
    host, _, name = text.removeprefix("https://").rstrip("/").partition("/")
    account, _, domain = host.partition(".")
    if domain.endswith((".chinacloudapi.cn", ".usgovcloudapi.net")):
        message = f"{host} is of another cloud, and the step knows Azure's public one alone."
        raise BadInput(message)
    if not text.startswith("https://") or domain != "blob.core.windows.net":
        message = f"{text!r} isn't of the form https://ACCOUNT.blob.core.windows.net/CONTAINER."
        hint = "With a private endpoint the name stays; only what it resolves to differs."
        raise BadInput(message, fix=f"Copy the container's address from the portal. {hint}")
    if not re.fullmatch(r"[a-z0-9]{3,24}", account):
        message = f"{account!r} can't be a storage account: 3 to 24 lower-case letters and digits."
        raise BadInput(message)
    if not re.fullmatch(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*", name):
        message = f"{name!r} can't be a container: 3 to 63 lower-case letters, digits and single dashes."
        raise BadInput(message)
    return Container(account, name)
