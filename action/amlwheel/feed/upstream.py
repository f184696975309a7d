"""Packages that come through the feed from its upstream: who only reads gets them once somebody has saved them.

A feed shows what its upstream has, and saves a version when somebody who may write downloads it. To a reader the
download of an unsaved one is refused (Learn, concepts/upstream-sources; microsoft/terminal#19243; ado-npm-auth#90).
"""

from collections.abc import Sequence
from functools import partial

import requests

from ..errors.environment import Unsatisfiable
from ..errors.feed import NotSaved
from ..model.feed import Feed
from ..model.secret import Secret
from ..model.wheel import Pin
from ..plan.change import Change, Verb
from ..plan.observe import observing
from ..transport import http
from . import index

_SHOWN = 5  # names in a line of the plan


def lacking(error: Unsatisfiable) -> Unsatisfiable:
    """Return the resolver's failure as that of a feed that has to have everything, and no upstream to take it from."""
    cause = "With `index` set to only, every package has to be in the feed: nothing comes through it from elsewhere."
    fix = "Set `index` to extra, or give the feed the public index as an upstream, and `feed` without @View."
    return Unsatisfiable(error.what, cause=cause, fix=fix, details=error.details)


def plan(feed: Feed, pins: Sequence[Pin], writing: Secret, reading: Secret) -> Change[tuple[str, ...]]:
    """Say which of `pins` the holder of `reading` can't fetch from `feed` yet: those have to be saved there.

    It sends what the image builder will send, page and file, with the token that the workspace gets. The result are
    the names of all pins. Raises whatever `feed.look` does.
    """
    with observing() as seen:
        saved = [seen.ask(partial(_is_saved, feed, pin, reading)) for pin in pins]
    missing = [pin for pin, answer in zip(pins, saved, strict=True) if not answer.result()]
    subject, names = f"packages saved in {feed.label}", tuple(pin.name for pin in pins)
    if not missing:
        return Change(subject, Verb.KEEP, f"all {len(pins)} can be read", names)
    shown = ", ".join(f"{pin.name} {pin.version}" for pin in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    why = f"from its upstream: {shown}{more}"
    return Change(subject, Verb.CREATE, why, names, partial(save, feed, missing, writing, reading))


def save(feed: Feed, pins: Sequence[Pin], writing: Secret, reading: Secret) -> None:
    """Download `pins` through the feed as somebody who may save them, and see that `reading` then gets them.

    Raises NotSaved, with the feed's own words; all downloads are tried.
    """
    with observing() as seen:
        for pin in pins:
            seen.ask(partial(_save, feed, pin, writing, reading))


def _save(feed: Feed, pin: Pin, writing: Secret, reading: Secret) -> None:
    for url in _files(feed, pin, writing, "feed-token"):
        response = http.get(url, token=index.for_host(url, feed, writing))
        if not _is_file(response):
            raise NotSaved(
                f"{feed.label} answered {response.status_code} when {pin.name} {pin.version} was to be saved.",
                details=index.message_of(response),
            )
    if not _is_saved(feed, pin, reading):
        raise NotSaved(
            f"{pin.name} {pin.version} was fetched through {feed.label}, but `connection-token` can't read it."
        )


def _is_saved(feed: Feed, pin: Pin, reading: Secret) -> bool:
    """Tell whether every file of `pin` is there for a reader. One byte of each is asked for."""
    files = _files(feed, pin, reading, "connection-token")
    answers = (http.get(url, token=index.for_host(url, feed, reading), first_byte=True) for url in files)
    return bool(files) and all(_is_file(answer) for answer in answers)


def _files(feed: Feed, pin: Pin, token: Secret, token_input: str) -> list[str]:
    """Return the addresses of the files of `pin` that its page shows to the holder of `token`."""
    page = index.look(feed, pin.name, token, token_input)
    return [page.urls[name] for name, digest in page.files.items() if digest in pin.sha256]


def _is_file(response: requests.Response) -> bool:
    """Tell a file, or a redirect to one (uv#13208), from a refusal or a sign-in page."""
    if response.is_redirect:
        return "_signin" not in response.headers["Location"]
    return response.status_code in (200, 206) and "html" not in response.headers.get("Content-Type", "")
