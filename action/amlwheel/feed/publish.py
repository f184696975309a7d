"""Publishing: upload once, and believe only what the index then shows."""

import contextlib
import io
import os
import re
import time
import zipfile
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, cast

import requests
from packaging import metadata

from ..errors.base import NoNetwork, TooSlow
from ..errors.feed import (
    FileTooLarge,
    LocalVersion,
    MetadataTooNew,
    NothingStored,
    NotVisible,
    UploadFailed,
    VersionTaken,
)
from ..errors.foreign import FileChanged
from ..model import exact
from ..model.feed import Feed
from ..model.wheel import Wheel
from ..plan.change import Change, Verb
from ..transport import http
from . import answers
from .index import Index, Page

if TYPE_CHECKING:
    from twine.package import PackageFile

LARGEST = 500 * 2**20  # bytes; Learn, azure/devops/artifacts/reference/limits
NEWEST_METADATA = (2, 5)  # what twine 7 and packaging 26 know
VISIBLE_WITHIN = 120.0  # seconds until the index of Azure Artifacts must show an upload, or that of a 202 elsewhere
# Other repositories write their page at once, or a few seconds later (JFrog's manual: the index is calculated
# asynchronously). One that shows nothing after this has stored nothing: for that nobody should wait two minutes.
SHOWN_WITHIN = 30.0
CONFLICT_WITHIN = 20.0  # seconds until the index must show what a 409 says is there
PAUSES = (1.0, 3.0, 9.0)  # seconds between attempts to upload
UPLOAD_ANSWER = 300.0  # seconds until the feed must answer an upload
# With these, by kind and version, a repository refuses a file that it has: pypiserver 400 to twine and 409 to others,
# devpi 409, Nexus and GitLab 400 (twine#1044, GitLab's manual), Artifactory 403 (twine#681), CodeArtifact 409.
_MAY_BE_THERE = (400, 403, 409)


def refuse_unpublishable(wheel: Wheel, feed: Feed) -> None:
    """Raise what the feed would say of the wheel, before anything is sent."""
    if wheel.version.local and feed.is_artifacts:
        raise LocalVersion(f"{wheel.filename}: Azure Artifacts takes no local versions, and {wheel.version} is one.")
    if wheel.size > LARGEST and feed.is_artifacts:
        raise FileTooLarge(f"{wheel.filename} has {wheel.size / 2**20:.0f} MiB; Azure Artifacts takes 500.")
    major, _, minor = wheel.metadata_version.partition(".")
    if (int(major), int(minor or 0)) > NEWEST_METADATA:
        raise MetadataTooNew(
            f"{wheel.filename} has Metadata-Version {wheel.metadata_version}; 2.5 is the newest known."
        )


def refuse_replacement(index: Index, package: str, published: frozenset[str] | None, mark: str) -> None:
    """Raise VersionTaken if the feed has a package of its own under the name of one that is to be built from source.

    Files that an earlier run built so have `mark` as the build tag in their names. `published` are the names that are
    the feed's own, None if they aren't known. No public package can take the place of a private one.
    """
    if published is not None and package not in published:
        return
    own = [name for name in index.page(package).files if f"-{mark}-" not in name]
    if own:
        raise VersionTaken(
            f"{index.feed.label} has a package of its own named {package}: {own[-1]}.",
            cause="It was published by somebody, and isn't a build of the public package by this step.",
            fix=f"Take {package} out of `from-source`, and publish a wheel of it that fits to the feed.",
        )


def plan(index: Index, wheel: Wheel, warn: Callable[[str], None]) -> Change[str]:
    """Say what publishing `wheel` means, given what the index shows now. The result is the wheel's sha256.

    Raises VersionTaken when the feed has the file with other bytes: versions are immutable, so nothing may start.
    """
    subject = f"wheel {wheel.filename}"
    page = index.page(wheel.name)
    if wheel.filename in page.files:
        _same_bytes(index, wheel, page)
        return Change(subject, Verb.KEEP, "the feed has it with the same sha256", wheel.sha256)
    why = "new package" if not page.files else "new version"

    def effect() -> None:
        publish(index, wheel, warn)

    return Change(subject, Verb.CREATE, why, wheel.sha256, effect)


def publish(
    index: Index, wheel: Wheel, warn: Callable[[str], None], pause: Callable[[float], None] = time.sleep
) -> None:
    """Upload `wheel` and wait until the index shows its sha256.

    Whatever the feed answers, the index decides: a 409 may be our own file stored by an attempt that was answered
    503 (azure-sdk-for-python#9286), and a 203 may be a sign-in page that stored nothing. Raises FileChanged, before
    anything is sent, for other bytes than those of the plan.
    """
    with exact.held(wheel.path, wheel.sha256) as content:
        response = _send(index, wheel, content, warn, pause)
    if response is None:
        _await(index, wheel, pause, lags=False)
    elif response.status_code in (200, 201, 202) and not answers.is_sign_in(response):
        _await(index, wheel, pause, lags=response.status_code == requests.codes.accepted)
    elif response.status_code in _MAY_BE_THERE:
        _settle(response, index, wheel, pause)
    else:
        _refuse(response, index, wheel)


def _send(
    index: Index, wheel: Wheel, content: IO[bytes], warn: Callable[[str], None], pause: Callable[[float], None]
) -> requests.Response | None:
    """Send the file until the feed has answered, with pauses; return its answer.

    None if it gave no whole answer in time, and has the file: then nobody waits for one any more.
    """
    for seconds in PAUSES:
        try:
            response = _post(index, wheel, content)
        except (NoNetwork, TooSlow) as error:
            if isinstance(error, TooSlow) and wheel.filename in index.page(wheel.name).files:
                return None
            warn(f"{error.what} Trying again in {seconds:.0f} seconds.")
            pause(seconds)
            continue
        wait = _retry_after(response) or seconds
        if not _temporary(response) or wait > http.LONGEST_PAUSE:
            return response
        warn(f"The feed answered {response.status_code} to the upload; trying again in {wait:.0f} seconds.")
        pause(wait)
    return _post(index, wheel, content)


def _await(index: Index, wheel: Wheel, pause: Callable[[float], None], *, lags: bool) -> None:
    """Return once the index shows what was accepted; raise NotVisible or NothingStored when it doesn't."""
    try:
        appear(index, wheel, pause, VISIBLE_WITHIN if index.feed.is_artifacts or lags else SHOWN_WITHIN)
    except NotVisible as error:
        if index.feed.is_artifacts or lags:
            raise
        raise NothingStored(f"{error.what} The file was sent to {index.feed.upload_url}.") from None


def _settle(response: requests.Response, index: Index, wheel: Wheel, pause: Callable[[float], None]) -> None:
    """Return if a refusal meant our own file; raise VersionTaken if it meant another's, else what it says."""
    conflict = response.status_code == requests.codes.conflict
    try:
        appear(index, wheel, pause, CONFLICT_WITHIN if conflict else 0)
    except NotVisible:
        if not conflict or not index.feed.is_artifacts:
            _refuse(response, index, wheel)
        message = f"{index.feed.label} refuses {wheel.filename} as already there (409), but its index doesn't show it."
        cause = "The version was deleted from the feed, which reserves it for ever (Learn, feeds/immutability)."
        raise VersionTaken(message, cause=cause, details=answers.message_of(response)) from None


def _post(index: Index, wheel: Wheel, content: IO[bytes]) -> requests.Response:
    """Send the file once, as twine sends it: its session, its form, its metadata rules; none of its retries."""
    from twine import package, settings  # noqa: PLC0415  # 0.3 s, and only a run that publishes needs it

    username, password = http.login(index.token)
    chosen = settings.Settings(
        repository_url=index.feed.upload_url,
        username=username,
        password=password,
        non_interactive=True,
        disable_progress_bar=True,
        config_file=os.devnull,
    )
    repository = chosen.create_repository()
    repository.session.mount("https://", http.adapter(UPLOAD_ANSWER, repeats=0))
    repository.session.mount("http://", http.adapter(UPLOAD_ANSWER, repeats=0))
    form = _exactly(package.PackageFile.from_filename(str(wheel.path), None), wheel, content)
    with http.network(index.feed.upload_url, UPLOAD_ANSWER), contextlib.redirect_stdout(io.StringIO()):
        # `upload()` would repeat a 5xx five times without a pause; the form and the metadata rules are in here.
        return repository._upload(form)  # noqa: SLF001


def _exactly(form: "PackageFile", wheel: Wheel, content: IO[bytes]) -> "PackageFile":
    """Let twine's form of the file hold and send the bytes of `content`; twine reads the file again by its path."""
    found = str(form.sha2_digest)
    if found != wheel.sha256:
        raise FileChanged(f"{wheel.filename} has sha256 {found[:12]}…, which isn't the inspected file's.")
    content.seek(0)
    with zipfile.ZipFile(content) as archive:
        names = archive.namelist()
        inside = next(each for each in names if each.count("/") == 1 and each.endswith(".dist-info/METADATA"))
        fields, _ = metadata.parse_email(archive.read(inside))
    kept = {name: value for name, value in fields.items() if name in form.metadata or name != "license_files"}
    form.metadata = cast("metadata.RawMetadata", kept)  # twine drops that one from older metadata
    content.seek(0)
    form.filename = os.dup(content.fileno())  # type: ignore[assignment]  # `open` takes it as well, and closes it
    return form


def appear(index: Index, wheel: Wheel, pause: Callable[[float], None], seconds: float) -> None:
    """Return once the index shows our sha256; raise VersionTaken for another, NotVisible when `seconds` are over."""
    waited, step = 0.0, 0.25
    while True:
        page = index.page(wheel.name)
        if wheel.filename in page.files:
            _same_bytes(index, wheel, page)
            return
        if waited >= seconds:
            raise NotVisible(
                f"{index.feed.label} took {wheel.filename}, but its index doesn't show it after {waited:.0f} seconds."
            )
        pause(step)
        waited, step = waited + step, min(step * 2, 10.0)


def _same_bytes(index: Index, wheel: Wheel, page: Page) -> None:
    """Raise VersionTaken unless the file on `page` is our wheel; where the page has no sha256, the file is read."""
    theirs = page.files[wheel.filename] or index.sha256(page.urls[wheel.filename], most=wheel.size)
    if theirs != wheel.sha256:
        shown = f"sha256 {theirs[:12]}…" if theirs else "other bytes"
        raise VersionTaken(
            f"{index.feed.label} already has {wheel.filename} with {shown}; "
            f"the wheel of this run has {wheel.sha256[:12]}…."
        )


def _refuse(response: requests.Response, index: Index, wheel: Wheel) -> None:
    """Raise the named cause of a refused upload."""
    said = answers.message_of(response)
    if response.status_code == requests.codes.bad_request and re.search(r"metadata.?version", said, re.IGNORECASE):
        raise MetadataTooNew(f"The feed refuses Metadata-Version {wheel.metadata_version}.", details=said)
    if response.status_code in (404, 405) and not index.feed.is_artifacts:
        message = f"Nothing takes uploads at {index.feed.upload_url}: {response.status_code}."
        fix = "Set `feed-upload-url` to the address that the repository's manual gives to twine."
        raise UploadFailed(message, cause="It isn't the repository's address for uploads.", fix=fix, details=said)
    if response.status_code in (200, 203, 301, 302, 303, 307, 308, 401, 403, 404):
        index.check(response)
    raise UploadFailed(f"The feed answered {response.status_code} to the upload of {wheel.filename}.", details=said)


def _temporary(response: requests.Response) -> bool:
    return response.status_code == requests.codes.too_many_requests or response.status_code >= 500  # noqa: PLR2004


def _retry_after(response: requests.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0
