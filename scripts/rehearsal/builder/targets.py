"""Which stored connection's credentials the image builder writes into which URL of a conda spec."""

import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any, Literal

Connection = Mapping[str, Any]
"""A connection's properties: category, target, authType, credentials."""

Form = Literal["user", "password"]
"""As what a PAT stands in an index's address; see `credentials`."""


class AmbiguousTargetError(Exception):
    """Two connections have the same target: the build fails (azure-docs#114975)."""


def with_credentials(
    url: str, connections: Iterable[Connection], category: str = "PythonFeed", form: Form = "user"
) -> str:
    """Return `url` with the credentials of the connection that matches it best; unchanged if none does.

    A connection matches when its target has the URL's host and starts its path; the longest target wins
    ("the closest match", azure-sdk-for-python#22441). A URL that has credentials keeps them.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.username is not None:
        return url
    connection = closest(url, connections, category)
    userinfo = credentials(connection, form) if connection else ""
    return parts._replace(netloc=f"{userinfo}@{parts.netloc}").geturl() if userinfo else url


def closest(url: str, connections: Iterable[Connection], category: str = "PythonFeed") -> Connection | None:
    """Return the connection whose target matches `url` best, None without any; AmbiguousTargetError.

    `category` is PythonFeed for an index and Git for a repository. That the builder treats both alike is our model:
    nothing public shows it for Git.
    """
    matching = [one for one in connections if one["category"] == category and _covers(one["target"], url)]
    if not matching:
        return None
    longest = max(len(_segments(one["target"])) for one in matching)
    best = [one for one in matching if len(_segments(one["target"])) == longest]
    if len(best) > 1:
        raise AmbiguousTargetError(
            f"Unique workspace connection not available for specified target {best[0]['target']}"
        )
    return best[0]


def credentials(connection: Connection, form: Form = "user") -> str:
    """Return the user information of a URL: a PAT percent-encoded, the rest as stored (the caller encodes: Learn).

    A PAT is the user, without a password: azure-docs#87920 shows `https://****@HOST/` in the log of a build, which is
    what pip prints for this form alone (a password is shown as `****` behind its user's name). Before we knew it, our
    model was any user with the PAT as `password`. git would ask for the password in the first form, so for a
    repository the model is still the second.
    """
    secrets = connection.get("credentials") or {}
    if connection["authType"] == "PAT":
        pat = urllib.parse.quote(secrets["pat"], safe="")
        return pat if connection["category"] == "PythonFeed" and form == "user" else f"ado:{pat}"
    if connection["authType"] == "UsernamePassword":
        return f"{secrets['username']}:{secrets['password']}"
    return ""


def _covers(target: str, url: str) -> bool:
    own, wanted = _split(target), _split(url)
    segments = _segments(target)
    return own.hostname is not None and own.hostname == wanted.hostname and _segments(url)[: len(segments)] == segments


def _segments(url: str) -> list[str]:
    return [urllib.parse.unquote(part).lower() for part in _split(url).path.split("/") if part]


def _split(url: str) -> urllib.parse.SplitResult:
    return urllib.parse.urlsplit(url if "://" in url else f"https://{url}")
