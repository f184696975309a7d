"""What the builder makes of the lines for pip: credentials and signatures in, and out again for the log."""

import re
import urllib.parse
from collections.abc import Iterable

from ..state.store import Store
from ..storage import roles, sas
from . import targets

BUILD_WITHIN = 1800
"""Seconds that an installation may take; a signature for it holds as long."""

COMMIT = re.compile(r"(?P<before>[\w.-]+ @ git\+)(?P<url>https://[^@\s]+)(?P<commit>@\S+)")
"""A requirement that is a commit of a repository."""

_INDEX_OPTION = re.compile(r"(?P<option>-i|--index-url|--extra-index-url|-f|--find-links)(?P<gap>\s+|=)(?P<url>\S+)")
_URL = re.compile(r"https://\S+")
_SIGNATURE = re.compile(r"(?<=[?&]sig=)[^&\s#]+")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


def insert_credentials(line: str, connections: Iterable[targets.Connection], form: targets.Form = "user") -> str:
    """Return a line for pip, with credentials in the URL if it is an index option or a commit of git.

    `form` is that of a PAT: which one the builder has is a matter of `builder.json`.
    """
    commit = COMMIT.fullmatch(line)
    if commit:
        return commit["before"] + targets.with_credentials(commit["url"], connections, "Git") + commit["commit"]
    found = _INDEX_OPTION.fullmatch(line)
    if not found:
        return line
    return f"{found['option']}{found['gap']}{targets.with_credentials(found['url'], connections, form=form)}"


def sign_own_urls(line: str, account: str, store: Store, identity: str = "") -> str:
    """Return a line for pip, with a short-lived signature to read in each URL of the workspace's own `account`.

    Those of other accounts get one if the workspace's `identity` has a role that lets it read there. That is our
    model: Learn says that blobs of "private storage" can be named by their full URL, not as whom they are read. A URL
    that has a query keeps it.
    """

    def signed(found: re.Match[str]) -> str:
        parts = urllib.parse.urlsplit(found[0])
        container, _, path = urllib.parse.unquote(parts.path).lstrip("/").partition("/")
        theirs, _, domain = (parts.hostname or "").partition(".")
        if parts.query or domain != "blob.core.windows.net":
            return found[0]
        if theirs != account and not _may_read(store, identity, theirs, container):
            return found[0]
        query = sas.query(store, sas.Blob(theirs, container, path), "r", BUILD_WITHIN)
        return parts._replace(query=query).geturl()

    return _URL.sub(signed, line)


def _may_read(store: Store, identity: str, account: str, container: str) -> bool:
    if account not in store.read("storage")["accounts"]:
        return False
    scope = roles.container_id(store, account, container)
    return roles.allowed(store, identity, scope, (f"{roles.CONTAINERS}/blobs/read", True))


def secrets_of(connections: Iterable[targets.Connection]) -> list[str]:
    """Return every stored secret, as it is stored and as it is meant: passwords are stored encoded."""
    held = (pair for one in connections for pair in (one.get("credentials") or {}).items())
    stored = [value for name, value in held if name != "username"]
    return [*stored, *map(urllib.parse.unquote, stored)]


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without user information and signatures in URLs and without the secrets."""
    text = _SIGNATURE.sub("****", _USERINFO.sub("****@", text))
    for secret in secrets:
        text = text.replace(secret, "****")
    return text
