"""Promotion to a view of the feed: once, after publishing; and only what the view then shows counts."""

import time
from collections.abc import Callable
from functools import partial

import requests

from ..errors.base import NoNetwork, TooSlow
from ..errors.feed import NotInView, NotVisible, PromotionRefused
from ..model.wheel import Wheel
from ..plan.change import Change, Verb
from ..transport import http
from . import answers, publish
from .index import Index

PAUSES = (1.0, 3.0)  # seconds between attempts
# What is worth another attempt; 404, because the service that promotes may learn of a version after the index does.
_LATER = (404, 429)
_WHY = {
    403: (
        "The identity lacks the role: only Contributors promote (Learn, feeds/feed-permissions).",
        "In Artifacts > feed settings > Permissions make `feed-token`'s identity a Feed Publisher (Contributor).",
    ),
    404: (
        "There is no such view, or view or version have been deleted since they were looked for.",
        "Look for both in Artifacts, correct `feed-view`, and run the step again: what is done is kept.",
    ),
}


def plan(index: Index, view: str, wheel: Wheel, warn: Callable[[str], None]) -> Change[str]:
    """Say what promoting `wheel` to `view` means, given what the view shows now. The result is the view's name.

    A view is an index of its own that shows promoted versions only (Learn, feeds/views), so it is asked as pip asks it:
    no other scope is needed. Raises ViewNotFound, and whatever `Index.page` raises.
    """
    subject = f"view {view} of {wheel.filename}"
    page = index.through(view).page(wheel.name)
    if page.files.get(wheel.filename) == wheel.sha256:
        return Change(subject, Verb.KEEP, "the view shows it with the same sha256", view)
    return Change(subject, Verb.CREATE, "to be promoted", view, partial(promote, index, view, wheel, warn))


def promote(
    index: Index, view: str, wheel: Wheel, warn: Callable[[str], None], pause: Callable[[float], None] = time.sleep
) -> None:
    """Promote the version of `wheel` to `view`, and wait until the view's index shows its sha256.

    Promoting again does no harm, so it is tried again after a fault. Raises PromotionRefused, the named cause of a
    refused token, and NotInView.
    """
    response = _send(index, view, wheel, warn, pause)
    if response.status_code in (200, 203, 301, 302, 303, 307, 308, 401):
        index.check(response)  # a sign-in page can look like success
    elif response.status_code not in (201, 202, 204):
        message = f"The feed answered {response.status_code} to the promotion of {wheel.filename} to view {view}."
        cause, fix = _WHY.get(response.status_code, ("", ""))
        raise PromotionRefused(message, cause=cause, fix=fix, details=answers.message_of(response))
    try:
        publish.appear(index.through(view), wheel, pause, publish.VISIBLE_WITHIN)
    except NotVisible:
        raise NotInView(
            f"{wheel.filename} was promoted to view {view} of {index.feed.through(None).label}, which doesn't show it."
        ) from None


def _send(
    index: Index, view: str, wheel: Wheel, warn: Callable[[str], None], pause: Callable[[float], None]
) -> requests.Response:
    """Send the patch, up to three times; return the last answer, or raise NoNetwork or TooSlow.

    The patch is that of the REST reference (Python - Update Package Version). `azure-devops` isn't used for it: that
    takes a sign-in page (203) for success, and tells no status of a refusal.
    """
    url = index.feed.version_url(wheel.project, str(wheel.version))
    patch = {"views": {"op": "add", "path": "/views/-", "value": view}}
    # The interface's version goes into `Accept` (azure-devops 7.1.0b4).
    headers = {"Accept": "application/json;api-version=7.1-preview.1", **index.feed.headers}
    for seconds in PAUSES:
        try:
            response = http.send("PATCH", url, token=index.token, headers=headers, body=patch)
        except (NoNetwork, TooSlow) as error:
            said = error.what
        else:
            if response.status_code not in _LATER and response.status_code < 500:  # noqa: PLR2004
                return response
            said = f"The feed answered {response.status_code} to the promotion."
        warn(f"{said} Trying again in {seconds:.0f} seconds.")
        pause(seconds)
    return http.send("PATCH", url, token=index.token, headers=headers, body=patch)
