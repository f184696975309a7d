"""Packages that come through the feed from its upstream: a reader gets them once somebody has saved them there.

A feed shows what its upstream has, and saves a version when somebody who may write downloads it. A reader can't
download an unsaved version (Learn, concepts/upstream-sources; microsoft/terminal#19243; ado-npm-auth#90).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import requests

from ..errors.base import StepError
from ..errors.feed import NotSaved
from ..model.wheel import Pin
from ..plan.change import Change, Verb
from ..plan.observe import observing
from .answers import message_of
from .index import Index

_SAVED = "packages saved in"
SHOWN = 5  # names in a line of the plan


def lacking(error: StepError) -> StepError:
    """Return the resolver's failure as that of a feed that has to have everything, and no upstream to take it from."""
    cause = "With `index` set to only, every package has to be in the feed: nothing comes through it from elsewhere."
    fix = "Set `index` to extra, or give the feed the public index as an upstream, and `feed` without @View."
    return type(error)(error.what, cause=cause, fix=fix, details=error.details)


def plan(
    writer: Index, reader: Index, pins: Sequence[Pin], elsewhere: Callable[[Pin], bool] = lambda _: False
) -> Change[frozenset[str]]:
    """Say which of `pins` the `reader` can't fetch yet: the `writer` has to save those in the feed.

    It sends what the image builder will send, page and file, with the token that the workspace gets. The result are
    the names of those that others have as well (`elsewhere`), if all that is missing is. Raises whatever `Index.page`
    raises.
    """
    with observing() as observer:
        saved = [observer.ask(partial(_is_saved, reader, pin)) for pin in pins]
    missing = [pin for pin, answer in zip(pins, saved, strict=True) if not answer.result()]
    subject = f"{_SAVED} {writer.feed.label}"
    if not missing:
        return Change(subject, Verb.KEEP, f"all {len(pins)} can be read", frozenset())
    shown = ", ".join(f"{pin.name} {pin.version}" for pin in missing[:SHOWN])
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    why = f"{len(missing)} from its upstream: {shown}{more}"
    names = frozenset(pin.name for pin in missing) if all(map(elsewhere, missing)) else frozenset()
    return Change(subject, Verb.CREATE, why, names, partial(save, writer, reader, missing))


def saving(changes: Sequence[Change[Any]]) -> Change[frozenset[str]] | None:
    """Return what saves packages in the feed, if that is among `changes`."""
    return next((each for each in changes if each.changes and each.subject.startswith(_SAVED)), None)


def save(writer: Index, reader: Index, pins: Sequence[Pin]) -> None:
    """Download `pins` as the `writer`, whose download saves them, and check that the `reader` then gets them.

    Raises NotSaved, with the feed's own words; all downloads are tried.
    """
    with observing() as observer:
        for pin in pins:
            observer.ask(partial(_save, writer, reader, pin))


def _save(writer: Index, reader: Index, pin: Pin) -> None:
    for url in _files(writer, pin):
        response = writer.fetch(url)
        if not _is_file(response):
            raise NotSaved(
                f"{writer.feed.label} answered {response.status_code} when {pin.name} {pin.version} was to be saved.",
                details=message_of(response),
            )
    if not _is_saved(reader, pin):
        raise NotSaved(
            f"{pin.name} {pin.version} was fetched through {writer.feed.label}, but `connection-token` can't read it."
        )


def _is_saved(reader: Index, pin: Pin) -> bool:
    """Tell whether every file of `pin` is there for a reader. One byte of each is asked for."""
    files = _files(reader, pin)
    answers = (reader.fetch(url, first_byte=True) for url in files)
    return bool(files) and all(_is_file(answer) for answer in answers)


def _files(index: Index, pin: Pin) -> list[str]:
    """Return the addresses of the files of `pin` that its page shows."""
    page = index.page(pin.name)
    return [page.urls[name] for name, digest in page.files.items() if digest in pin.sha256]


def _is_file(response: requests.Response) -> bool:
    """Tell a file, or a redirect to one (uv#13208), from a refusal or a sign-in page."""
    if response.is_redirect:
        return "_signin" not in response.headers["Location"]
    return response.status_code in (200, 206) and "html" not in response.headers.get("Content-Type", "")
