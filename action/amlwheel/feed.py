"""The feed: look before writing, upload once, and believe only what the index then shows."""

import contextlib
import html.parser
import io
import json
import os
import re
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import requests
from packaging.utils import canonicalize_name

from . import claims, http
from .change import Change, Verb
from .errors import (
    FeedForbidden,
    FeedNotFound,
    FeedUnexpected,
    FileTooLarge,
    LocalVersion,
    MetadataTooNew,
    NoNetwork,
    NotAMember,
    NotVisible,
    Redirected,
    SignInPage,
    TokenRefused,
    TooSlow,
    UploadFailed,
    VersionTaken,
    ViewNotFound,
)
from .model import Feed, Wheel
from .secret import Secret

DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"  # Azure DevOps, as an audience of Entra
LARGEST = 500 * 2**20  # bytes; Learn, azure/devops/artifacts/reference/limits
NEWEST_METADATA = (2, 5)  # what twine 7 and packaging 26 know
VISIBLE_WITHIN = 120.0  # seconds until the index must show an upload
CONFLICT_WITHIN = 20.0  # seconds until it must show what a 409 says is there
PAUSES = (1.0, 3.0, 9.0)  # seconds between attempts to upload
UPLOAD_ANSWER = 300.0  # seconds until the feed must answer an upload
# typeKeys with which Azure DevOps says that there is no such feed or project, and not merely no such package.
_NO_FEED = re.compile(
    r"Feed(Id|View)?NotFound|ProjectDoesNotExist|ServiceHostDoesNotExist|OrganizationNotFound|feed with ID",
    re.IGNORECASE,
)

# With this 401 a feed with an upstream tells those who may not save from it that nothing of the package is saved yet;
# the token is fine (azure-sdk-for-net#53264, azure-sdk-tools#6778).
_UNSAVED = "No local versions of package"


@dataclass(frozen=True)
class Page:
    """A package's page on the index: sha256 (hex, empty when not given) by file name; no files when it has no page.

    `doubtful`: the answer was 404 and didn't say whether the package or the feed is unknown. `urls`: the files'
    addresses, by file name as well.
    """

    files: dict[str, str]
    doubtful: bool = False
    urls: dict[str, str] = field(default_factory=dict)


class _Links(html.parser.HTMLParser):
    """Collects the links of a PEP 503 page, or of the index's root."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.extend(value for name, value in attrs if name == "href" and value)


def look(feed: Feed, package: str, token: Secret, token_input: str) -> Page:
    """Return what the index shows of `package` to the holder of `token`, or raise the named cause.

    It is the request that pip makes when the image is built, so whatever is wrong with the token shows here first.
    An unknown package is an empty page; an unknown feed is FeedNotFound. `token_input` names the token in errors.
    """
    response = http.get(feed.page(package), token=token, accept="text/html")
    if response.status_code == requests.codes.unauthorized and _UNSAVED in f"{response.reason} {response.text}":
        return Page({})
    if response.status_code == requests.codes.not_found:
        said = f"{response.reason} {response.text}"
        if not _NO_FEED.search(said):
            return Page({}, doubtful="package" not in said.lower())
    if response.status_code == requests.codes.unauthorized and feed.is_artifacts:
        _check_member(feed, claims.of(token.reveal()), response)
    check(response, feed, token_input)
    return _page(response)


def _check_member(feed: Feed, identity: Mapping[str, Any], response: requests.Response) -> None:
    """Raise NotAMember for a token of Entra that isn't over: nothing else is wrong with one.

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


def settle(feed: Feed, page: Page, published: frozenset[str] | None, token: Secret) -> None:
    """Raise FeedNotFound when a doubtful 404 turns out to mean the feed: nothing else knows of it either."""
    if not page.doubtful or not feed.is_artifacts:
        return
    known = min(published, default="") if published is not None else None
    if known is None or (known and not look(feed, known, token, "feed-token").files):
        message = f"There is no index at {feed.index_url}: 404."
        raise FeedNotFound(message)


def names(feed: Feed, token: Secret) -> frozenset[str] | None:
    """Return the normalised names in the root of another repository's index; None when it doesn't list them."""
    response = http.get(feed.index_url, token=token, accept="text/html")
    if response.status_code != requests.codes.ok or "html" not in response.headers.get("Content-Type", ""):
        return None
    parser = _Links()
    parser.feed(response.text)
    return frozenset(canonicalize_name(unquote(link.rstrip("/").rpartition("/")[2])) for link in parser.links)


def check(response: requests.Response, feed: Feed, token_input: str) -> None:
    """Raise the error that the status (and a sign-in page's look) of a feed's answer stands for."""
    status = response.status_code
    subject = f"`{token_input}`, used for {feed.label}"
    details = message_of(response)
    if status == requests.codes.unauthorized:
        tenant = _tenant(response)
        raise TokenRefused(f"The feed refused {subject}: 401.{tenant}", details=details)
    if status == requests.codes.non_authoritative_info or (status == requests.codes.ok and _is_sign_in(response)):
        raise SignInPage(f"The feed answered {status} and a sign-in page to {subject}.")
    if status in (301, 302, 303, 307, 308):
        place = response.headers.get("Location", "nowhere").split("?")[0]
        raise Redirected(f"The feed redirected {subject}: {status} to {place}.")
    if status == requests.codes.forbidden:
        raise FeedForbidden(f"The feed forbids this to {subject}: 403.", details=details)
    if status == requests.codes.not_found and feed.view and "FeedView" in f"{response.reason} {response.text}":
        raise ViewNotFound(f"Feed {feed.through(None).label} has no view {feed.view}.", details=details)
    if status == requests.codes.not_found:
        raise FeedNotFound(f"There is no feed {feed.label}: 404.", details=details)
    if status != requests.codes.ok:
        raise FeedUnexpected(f"The feed {feed.label} answered {status}.", details=details)


def refuse_unpublishable(wheel: Wheel, feed: Feed) -> None:
    """Raise what the feed would say of the wheel, before anything is sent."""
    if wheel.version.local and feed.is_artifacts:
        message = f"{wheel.filename}: Azure Artifacts takes no local versions, and {wheel.version} is one."
        raise LocalVersion(message)
    if wheel.size > LARGEST and feed.is_artifacts:
        raise FileTooLarge(f"{wheel.filename} has {wheel.size / 2**20:.0f} MiB; Azure Artifacts takes 500.")
    major, _, minor = wheel.metadata_version.partition(".")
    if (int(major), int(minor or 0)) > NEWEST_METADATA:
        raise MetadataTooNew(
            f"{wheel.filename} has Metadata-Version {wheel.metadata_version}; 2.5 is the newest known."
        )


def plan(feed: Feed, wheel: Wheel, token: Secret, warn: Callable[[str], None]) -> Change[str]:
    """Say what publishing `wheel` means, given what the index shows now. The result is the wheel's sha256.

    Raises VersionTaken when the feed has the file with other bytes: versions are immutable, so nothing may start.
    """
    subject = f"wheel {wheel.filename}"
    page = look(feed, wheel.name, token, "feed-token")
    if wheel.filename in page.files:
        _same_bytes(feed, wheel, page)
        return Change(subject, Verb.KEEP, "the feed has it with the same sha256", wheel.sha256)
    why = "new package" if not page.files else "new version"

    def effect() -> None:
        publish(feed, wheel, token, warn)

    return Change(subject, Verb.CREATE, why, wheel.sha256, effect)


def publish(
    feed: Feed,
    wheel: Wheel,
    token: Secret,
    warn: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Upload `wheel` and wait until the index shows its sha256.

    Whatever the feed answers, the index decides: a 409 may be our own file stored by an attempt that was answered
    503 (azure-sdk-for-python#9286), and a 203 may be a sign-in page that stored nothing.
    """
    for seconds in PAUSES:
        try:
            response = _post(feed, wheel, token)
        except (NoNetwork, TooSlow) as error:
            warn(f"{error.what} Trying again in {seconds:.0f} seconds.")
            pause(seconds)
            continue
        if not _temporary(response):
            break
        wait = min(_retry_after(response) or seconds, http.LONGEST_PAUSE)
        warn(f"The feed answered {response.status_code} to the upload; trying again in {wait:.0f} seconds.")
        pause(wait)
    else:
        response = _post(feed, wheel, token)
    accepted = response.status_code in (200, 201, 202) and not _is_sign_in(response)
    if not accepted and response.status_code != requests.codes.conflict:
        _refuse(response, feed, wheel)
    try:
        appear(feed, wheel, token, pause, VISIBLE_WITHIN if accepted else CONFLICT_WITHIN)
    except NotVisible:
        if accepted:
            raise
        message = f"{feed.label} refuses {wheel.filename} as already there (409), but its index doesn't show it."
        cause = "The version was deleted from the feed, which reserves it for ever (Learn, feeds/immutability)."
        raise VersionTaken(message, cause=cause, details=message_of(response)) from None


def _post(feed: Feed, wheel: Wheel, token: Secret) -> requests.Response:
    """Send the file once, as twine sends it: its session, its form, its metadata rules; none of its retries."""
    from twine import package, settings  # noqa: PLC0415  # 0.3 s, and only a run that publishes needs it

    chosen = settings.Settings(
        repository_url=feed.upload_url,
        username=http.USER,
        password=token.reveal(),
        non_interactive=True,
        disable_progress_bar=True,
        config_file=os.devnull,
    )
    repository = chosen.create_repository()
    repository.session.mount("https://", http.adapter(UPLOAD_ANSWER, repeats=0))
    repository.session.mount("http://", http.adapter(UPLOAD_ANSWER, repeats=0))
    with http.network(feed.upload_url, UPLOAD_ANSWER), contextlib.redirect_stdout(io.StringIO()):
        # `upload()` would repeat a 5xx five times without a pause; the form and the metadata rules are in here.
        return repository._upload(package.PackageFile.from_filename(str(wheel.path), None))  # noqa: SLF001


def appear(feed: Feed, wheel: Wheel, token: Secret, pause: Callable[[float], None], seconds: float) -> None:
    """Return once the index shows our sha256; raise VersionTaken for another, NotVisible when `seconds` are over."""
    waited, step = 0.0, 0.25
    while True:
        page = look(feed, wheel.name, token, "feed-token")
        if wheel.filename in page.files:
            _same_bytes(feed, wheel, page)
            return
        if waited >= seconds:
            message = f"{feed.label} took {wheel.filename}, but its index doesn't show it after {waited:.0f} seconds."
            raise NotVisible(message)
        pause(step)
        waited, step = waited + step, min(step * 2, 10.0)


def _same_bytes(feed: Feed, wheel: Wheel, page: Page) -> None:
    theirs = page.files[wheel.filename]
    if theirs != wheel.sha256:
        shown = f"sha256 {theirs[:12]}…" if theirs else "no sha256"
        message = (
            f"{feed.label} already has {wheel.filename} with {shown}; the wheel of this run has {wheel.sha256[:12]}…."
        )
        raise VersionTaken(message)


def _refuse(response: requests.Response, feed: Feed, wheel: Wheel) -> None:
    """Raise the named cause of a refused upload."""
    said = message_of(response)
    if response.status_code == requests.codes.bad_request and re.search(r"metadata.?version", said, re.IGNORECASE):
        raise MetadataTooNew(f"The feed refuses Metadata-Version {wheel.metadata_version}.", details=said)
    if response.status_code in (200, 203, 301, 302, 303, 307, 308, 401, 403, 404):
        check(response, feed, "feed-token")
    raise UploadFailed(f"The feed answered {response.status_code} to the upload of {wheel.filename}.", details=said)


def _temporary(response: requests.Response) -> bool:
    return response.status_code == requests.codes.too_many_requests or response.status_code >= 500  # noqa: PLR2004


def _retry_after(response: requests.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0


def _page(response: requests.Response) -> Page:
    """Read a PEP 503 page."""
    parser = _Links()
    parser.feed(response.text)
    found, urls = {}, {}
    for link in parser.links:
        try:
            url, fragment = urldefrag(urljoin(response.url, link))
        except ValueError:
            continue  # not an address
        match = re.search(r"sha256=([0-9a-f]{64})", fragment)
        name = unquote(url.rpartition("/")[2])
        found[name], urls[name] = match[1] if match else "", url
    return Page(found, urls=urls)


def _is_sign_in(response: requests.Response) -> bool:
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


def message_of(response: requests.Response) -> str:
    """Return what a server said about itself: its JSON `message`, or the reason phrase. Hostile text."""
    try:
        said = json.loads(response.text)["message"]
    except (ValueError, KeyError, TypeError):
        said = response.reason or ""
    return str(said)[:2000]
