"""What the answers of a feed mean: every refusal has a name."""

import html.parser
import json
import re
import shlex
import time
from collections.abc import Mapping
from typing import Any

import requests
from packaging.utils import canonicalize_name

from ..errors.base import StepError
from ..errors.feed import (
    FeedForbidden,
    FeedNotFound,
    FeedUnexpected,
    NotAMember,
    Redirected,
    SignInPage,
    TokenRefused,
    ViewNotFound,
)
from ..model.feed import DEVOPS, Feed
from ..model.origin import split
from ..model.secret import excerpt

# A server that uses these words has no such feed or project; otherwise only the package may be unknown.
NO_FEED = re.compile(
    r"Feed(Id|View)?NotFound|ProjectDoesNotExist|ServiceHostDoesNotExist|OrganizationNotFound|feed with ID"
    r"|The stage \S+ could not be found"  # devpi-server 6.20
    r"|404 (?:Project|Group) Not Found",  # GitLab, also to who may not see it
    re.IGNORECASE,
)
# With this 401 a feed with an upstream tells a reader that no version of the package is saved yet. The token is good
# (azure-sdk-for-net#53264, azure-sdk-tools#6778).
UNSAVED = "No local versions of package"


def check_devpi(response: requests.Response, feed: Feed) -> None:
    """Raise FeedNotFound for a devpi address without `+simple/` at its end, as a browser shows it."""
    if "X-Devpi-Server-Version" in response.headers and not feed.index_url.endswith("/+simple/"):
        fix = f"Write `feed` as {feed.index_url}+simple/."
        raise FeedNotFound(
            f"{feed.index_url} is an address of devpi, but not of an index.",
            cause="There it ends with +simple/.",
            fix=fix,
        )


def check_member(feed: Feed, identity: Mapping[str, Any], response: requests.Response) -> None:
    """Raise NotAMember for an Entra token that hasn't expired: a feed has no other reason to refuse it.

    The body of the command: REST reference, Service Principal Entitlements - Add.
    """
    end = identity.get("exp")
    if DEVOPS not in str(identity.get("aud")) or (isinstance(end, int) and end < time.time()):
        return
    name, number = (str(identity.get(claim, "")) for claim in ("upn" if "upn" in identity else "appid", "oid"))
    member = {"origin": "aad", "originId": number, "subjectKind": "servicePrincipal"}
    body = json.dumps({"accessLevel": {"accountLicenseType": "express"}, "servicePrincipal": member})
    url = (
        f"https://vsaex.dev.azure.com/{feed.organisation}/_apis/serviceprincipalentitlements?api-version=7.1-preview.1"
    )
    command = f"az rest --method post --resource {DEVOPS} --url {shlex.quote(url)} --body {shlex.quote(body)}"
    how = "Organization settings > Users > Add users" + ("" if "upn" in identity else f", or {command}")
    tenant = _tenant(response)
    elsewhere = tenant if str(identity.get("tid")) not in tenant else ""
    connect = "Connect both to one tenant first (Organization settings > Microsoft Entra). " if elsewhere else ""
    raise NotAMember(
        f"Entra signed in {name} (object id {number}), and organisation {feed.organisation} doesn't know it: 401."
        + elsewhere,
        fix=f"{connect}Add it to the organisation ({how}), then make it a Feed Publisher (Contributor) in the feed's "
        "settings. Or pass a `feed-token`.",
        details=message_of(response),
    )


def is_forwarded(response: requests.Response, feed: Feed, package: str) -> bool:
    """Tell whether a repository redirects to another index, since it has no package of that name.

    GitLab does so, to PyPI, unless it is forbidden (its manual, "Package forwarding").
    """
    place = split(response.headers.get("Location", ""))
    away = not feed.is_artifacts and response.is_redirect and place.netloc not in ("", feed.host)
    return away and place.path.rstrip("/").endswith(f"/simple/{canonicalize_name(package)}")


def check(response: requests.Response, feed: Feed, token_input: str) -> None:
    """Raise the error that a response of the feed stands for, by its status, or because it is a sign-in page."""
    try:
        _check(response, feed, token_input)
    except StepError as error:
        if not feed.is_artifacts and type(error) in _ELSEWHERE:
            error.cause, fix = _ELSEWHERE[type(error)]
            error.fix = fix.format(token=token_input, user=token_input.replace("token", "user"))
        raise


# Cause and advice where the feed isn't one of Azure Artifacts.
_CHECK_USER = "Check `{user}` and `{token}`, and what this user may do there."
_ELSEWHERE = {
    TokenRefused: ("The repository doesn't accept this user and password, or the token has expired.", _CHECK_USER),
    FeedForbidden: (
        "The user may not do this; some repositories (pypiserver) say the same to a wrong password.",
        _CHECK_USER,
    ),
    FeedNotFound: (
        "The address is misspelt, or the repository isn't there or is hidden from this user.",
        "Give the address of the index as pip has it.",
    ),
    Redirected: ("The repository has moved, or wants another kind of sign-in.", _CHECK_USER),
    SignInPage: (
        "A web page answered in place of the repository: a sign-in, or an address that isn't the index's.",
        _CHECK_USER,
    ),
}


def _check(response: requests.Response, feed: Feed, token_input: str) -> None:
    status = response.status_code
    subject = f"`{token_input}`, used for {feed.label}"
    details = "" if response.ok else message_of(response)  # a file may be large, and nobody has read it yet
    if status == requests.codes.unauthorized:
        tenant = _tenant(response)
        raise TokenRefused(f"The feed refused {subject}: 401.{tenant}", details=details)
    if status == requests.codes.non_authoritative_info or (status == requests.codes.ok and is_sign_in(response)):
        raise SignInPage(f"The feed answered {status} and a sign-in page to {subject}.")
    if status in (301, 302, 303, 307, 308):
        place = response.headers.get("Location", "nowhere").split("?")[0]
        raise Redirected(f"The feed redirected {subject}: {status} to {place}.")
    if status == requests.codes.forbidden:
        raise FeedForbidden(f"The feed forbids this to {subject}: 403.", details=details)
    if status == requests.codes.not_found and feed.view and "FeedView" in f"{response.reason} {response.text}":
        raise ViewNotFound(f"Feed {feed.through(None).label} has no view {feed.view}.", details=details)
    if status == requests.codes.not_found:
        raise FeedNotFound(f"There is no feed {feed.label}.", details=details)
    if status != requests.codes.ok:
        raise FeedUnexpected(f"The feed {feed.label} answered {status}.", details=details)


def is_sign_in(response: requests.Response) -> bool:
    """Tell a sign-in page from an index page: Azure's page has a form or script, an index has only links.

    Packages may have names such as design-inputs or acme-signin, and their pages carry them in title and links.
    """
    if "html" not in response.headers.get("Content-Type", ""):
        return False
    return bool(
        re.search(r"/_signin\b|//login\.microsoftonline|<form\b|<title>[^<]*\bsign in\b", response.text, re.IGNORECASE)
    )


def _tenant(response: requests.Response) -> str:
    """Return a hint with the organisation's tenant, which Azure DevOps puts beside a 401 (artifacts-keyring-nofuss)."""
    match = re.search(r"login\.(?:microsoftonline\.com|windows\.net)/([0-9a-f-]{36})", str(response.headers))
    return f" The organisation belongs to Entra tenant {match[1]}." if match else ""


def _words(page: str) -> str:
    """Return a page without its tags, its styles and its scripts. Each expression reads on to the next tag at most."""
    first, *scripts = re.split(r"<(?=(?:style|script)\b)", page)
    behind = (re.split(r"</(?:style|script)\b", each, maxsplit=1)[1:] for each in scripts)
    return re.sub(r"<[^<>]*>", " ", "".join([first, *(f"<{text}" for each in behind for text in each)]))


def message_of(response: requests.Response) -> str:
    """Return the server's own message: its JSON `message`, its page's text, or the reason phrase. Hostile text.

    Artifactory's JSON has a list of `errors`. Nexus and pypiserver say what they mean in a page.
    """
    try:
        said = json.loads(response.text)
        said = said["errors"][0]["message"] if "errors" in said else said["message"]
    except (ValueError, LookupError, TypeError):
        page = html.unescape(_words(response.text[:100_000]))
        said = " ".join([response.reason or "", *(page.split() if "<" in response.text else ())])
    return excerpt(str(said), 2000)
