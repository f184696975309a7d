"""Where the code came from: git knows the checkout, and the CI host knows the repository, the tag and the run."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from ..model.source import Source
from ..transport import tools


def detect(folders: Sequence[Path], named: Source) -> Source:
    """Return the source of the projects in `folders` (of one repository); a part that nobody knows is empty.

    `named` is what the CI host names: its commit counts only if git knows none, and git's origin is the repository
    only if the host names none. What a receipt can't hold is left out.
    """
    head = tools.git(folders[0], "rev-parse", "HEAD")
    commit = next((each for each in (head, named.commit) if re.fullmatch(r"[0-9a-f]{40,64}", each)), "")
    return replace(
        named,
        repository=_address(named.repository or tools.git(folders[0], "remote", "get-url", "origin")),
        commit=commit,
        dirty=any(map(tools.changes, folders)),
        run=named.run if re.fullmatch(r"https?://[^@\s]+", named.run) else "",
    )


def _address(repository: str) -> str:
    """Return the address of a repository without any credential (a query could hold one); empty if it isn't a URL."""
    try:
        parts = urlsplit(repository)
    except ValueError:
        return ""
    host, path = parts.netloc.rpartition("@")[2], quote(parts.path, safe="/%:+~!$&'()*,;=")
    address = f"{parts.scheme}://{host}{path}"
    return address if re.fullmatch(r"[a-z][a-z0-9+.-]*://[^@\s]+", address) and "://" in repository else ""
