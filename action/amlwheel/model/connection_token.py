"""The token that a workspace stores: when it expires, what kind it is, and why a feed refused it.

Images are built long after the run that stored it, so a token that works now isn't enough. Nothing here uses the
network; the time is an argument.
"""

import functools
import hashlib
import hmac
import re
import threading
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from ..errors.base import StepError
from ..errors.feed import FeedForbidden, FeedNotFound, Redirected, SignInPage, TokenRefused
from ..errors.inputs import ShortLivedToken, TokenExpired
from . import jwt
from .feed import Feed
from .secret import Secret

FINGERPRINT, EXPIRES = "amlwheel-fingerprint", "amlwheel-token-expires"  # in a connection's metadata
ROUNDS = 200_000  # of PBKDF2: a tenth of a second
_ONCE = threading.Lock()  # workspaces are compared at the same time, and a cache alone would let each do the work
EARLY = 21  # days before a token expires, from which on the step warns
PUBLISHES = (
    "`feed-token` and `connection-token` are one token: whoever may list the secrets of the workspace could publish "
    "with it. Give another token as `connection-token`, one that may only read."
)
# From this day on Azure DevOps refuses tokens for all organisations (its blog, "Retirement of Global Personal Access
# Tokens"). Nothing documented tells such a token from one for a single organisation.
GLOBAL_END = date(2026, 12, 1)
_GITHUB_JOB = "ghs_"  # GitHub docs, "GitHub's token formats": installation access tokens
# 84 characters with AZDO behind the 76th, as azure-pipelines-tasks looks for it; 52 before sprint 241 (2024).
_PAT = r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[a-z2-7]{52}"


def day(text: str) -> str:
    """Return the day (`YYYY-MM-DD`) of `text`, which is a day or a time in UTC as Azure DevOps lists it with a token.

    Raises ValueError for any other text. That includes a time with an offset, which can be on another day in UTC.
    """
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?Z?)?", text, re.ASCII)
    if not match:
        raise ValueError(f"{text!r} isn't a date")
    return datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}").date().isoformat()


def check(token: Secret, feed: Feed | None, expires: str, job: Secret, now: datetime) -> None:
    """Raise TokenExpired or ShortLivedToken for a `token` with which no image could be built later.

    `expires` is its last day as the user gives it, or empty; `job` is the job's own token, or empty. A JWT is refused
    for Azure Artifacts alone, since other repositories may issue lasting tokens in this form. Without a `feed` the
    token is for a git repository.
    """
    fix = "" if feed else f"{_new(feed)}, and pass it as `connection-token`."
    if expires and date.fromisoformat(expires) < now.date():
        raise TokenExpired(f"By `connection-token-expires`, `connection-token` expired on {expires}.", fix=fix)
    if job and token == job:
        raise ShortLivedToken(
            "`connection-token` is the job's own token (System.AccessToken), which expires with the job.", fix=fix
        )
    if not feed and token.reveal().startswith(_GITHUB_JOB):
        raise ShortLivedToken(
            "`connection-token` is a GitHub token for one job (GITHUB_TOKEN) or app, which expires soon.", fix=fix
        )
    claims = jwt.strictly(token.reveal())
    if claims is not None and feed and feed.is_artifacts:
        end = jwt.end(claims)
        when = f"; this one expires at {end:%Y-%m-%d %H:%M} UTC" if end else ""
        raise ShortLivedToken(f"`connection-token` is an access token (a JWT), not a personal access token{when}.")


def warnings(token: Secret, feed: Feed | None, expires: str, *, told: bool, now: datetime) -> Iterator[str]:
    """Yield warnings about the last day of `token`, which the feed or repository has just accepted.

    `expires` comes from the user (`told`) or was stored with the token earlier. A stored date that is over stops
    nobody: the feed knows better, since a personal access token can be extended and stays the same token.
    """
    given = "pass it as `connection-token` with its date in `connection-token-expires`"
    renew = f"{_new(feed)}, {given}, and run the step with `command` connect"
    left = (date.fromisoformat(expires) - now.date()).days if expires else EARLY + 1
    if left < 0 and not told:
        place = "feed" if feed else "repository"
        yield (
            f"According to the date stored with it, `connection-token` expired on {expires}, but the {place} still "
            f"takes it. If it was extended, give the new date as `connection-token-expires`. If not: {renew}."
        )
    elif left <= EARLY:
        when = {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")
        yield f"`connection-token` expires {when}, on {expires}; after that no image can be built. {renew}."
    end = jwt.end(jwt.strictly(token.reveal()) or {})
    if end and not expires and (end - now).days < EARLY:
        yield (
            f"By its own content, `connection-token` expires at {end:%Y-%m-%d %H:%M} UTC; after that no image can be "
            f"built. {renew}."
        )


def fingerprint(token: Secret, place: str) -> str:
    """Return 16 hex digits by which a stored token is recognised as this one and of this user.

    Anybody who may read the workspace sees them. So they tell nothing else, are slow to guess (PBKDF2, which FIPS
    machines have too) and differ in each `place`, the id of a connection. What is slow is done once for all workspaces.
    """
    with _ONCE:
        key = _stretched(token, token.user, place.lower().rpartition("/")[2], ROUNDS)
    return hmac.new(key, place.lower().encode(), "sha256").hexdigest()[:16]


@functools.cache
def _stretched(token: Secret, user: str, salt: str, rounds: int) -> bytes:
    """Return a key that takes a tenth of a second a guess; `salt` is the connection's name."""
    held = f"{user}\0{token.reveal()}" if user else token.reveal()
    return hashlib.pbkdf2_hmac("sha256", held.encode(), salt.encode(), rounds)


def credentials(token: Secret) -> tuple[str, dict[str, str]]:
    """Return authType and credentials of a connection that holds `token`.

    The service writes them into an address as they are, so whoever stores them has to encode user name and password
    (Learn, how-to-connection); no SDK does.
    """
    if not token.user:
        return "PAT", {"pat": token.reveal()}
    username, password = (quote(part, safe="") for part in (token.user, token.reveal()))
    return "UsernamePassword", {"username": username, "password": password}


def note(mark: str, expires: str) -> dict[str, str]:
    """Return the metadata that stands beside a stored token: its fingerprint, and its last day if that is known."""
    return {FINGERPRINT: mark, EXPIRES: expires} if expires else {FINGERPRINT: mark}


def noted(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Return fingerprint and last day from metadata, which anybody may have written; empty where there is none."""
    try:
        expires = day(str(metadata.get(EXPIRES)))
    except ValueError:
        expires = ""
    return str(metadata.get(FINGERPRINT) or ""), expires


def explain(error: StepError, token: Secret, feed: Feed, today: date) -> StepError:
    """Return `error`, a refusal of `connection-token` alone, with the causes that are usual at Azure DevOps."""
    if not feed.is_artifacts:
        return error
    new = f"{_new(feed)}, and store it as the secret that `connection-token` gets."
    if isinstance(error, TokenRefused):
        error.cause, error.fix = _refused(token, today), new
    elif isinstance(error, (SignInPage, Redirected)):
        error.cause = (
            "Azure DevOps doesn't know it: it is incomplete, belongs to another organisation, or a policy forbids it."
        )
        error.fix = new
    elif isinstance(error, (FeedForbidden, FeedNotFound)):
        if isinstance(error, FeedNotFound):
            error = FeedNotFound(f"`connection-token` sees no feed {feed.label}: 404.", details=error.details)
        error.cause = "It is a token whose owner isn't a Feed Reader here, or it lacks the scope Packaging (read)."
        error.fix = (
            "In Artifacts > feed settings > Permissions make the owner of `connection-token` at least a Feed Reader, "
            "and make sure that the token has Packaging (read)."
        )
    return error


def _refused(token: Secret, today: date) -> str:
    """Return why a feed may answer 401; it gives no reason itself."""
    usual = "has expired, was revoked, belongs to another organisation, or lacks the scope Packaging (read)."
    if not re.fullmatch(_PAT, token.reveal()):
        return f"It doesn't look like a personal access token of Azure DevOps. If it is one, it {usual}"
    if today >= GLOBAL_END:
        return f"Tokens for all organisations ended on {GLOBAL_END}, and this may be one. If it isn't, it {usual}"
    return f"It {usual}"


def _new(feed: Feed | None) -> str:
    """Return the beginning of the advice: which token to make."""
    if not feed:
        return "Make a new token that may read the repository's code"
    if not feed.is_artifacts:
        return f"Make a new token that may read {feed.host}"
    return f"Make a new organisation-scoped personal access token of {feed.organisation} with Packaging (read)"
