"""Facts about the feed that only Azure DevOps' REST interface tells. The only module that imports `azure.devops`."""

import functools
import json
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import requests
from packaging.utils import canonicalize_name

from ..errors.base import NoNetwork, StepError, together
from ..errors.feed import FeedForbidden, FeedNotFound, ViewNotFound
from ..model.feed import Feed
from ..model.secret import Secret

Answer = TypeVar("Answer")
Tell = Callable[[frozenset[str] | None], object]
"""Hears which packages are the feed's own as soon as that is known, before all else is."""
_PAGE, _PAGES = 1000, 100  # packages a request, and requests
# What is asked, by the package's id of the question: name and address (REST reference, Artifacts, Feed Management).
_QUESTIONS = {
    "c65009a7-474a-4ad1-8b42-7d852107ef8c": ("Feeds", "Feeds/{feedId}"),
    "7a20d846-c929-4acc-9ea2-0d5a7df1b197": ("Packages", "Feeds/{feedId}/Packages/{packageId}"),
    "42a8502a-6785-41bc-8c16-89477d930877": ("Views", "Feeds/{feedId}/Views/{viewId}"),
}


@dataclass(frozen=True)
class Facts:
    """What is known of a feed beside its index. None: not asked, or not told.

    `published` are the normalised names of the packages that were published to the feed itself, not saved from an
    upstream; `upstream` whether it has one for Python packages, and `public` whether it has no other than public ones;
    `untold` the questions that got no answer.
    """

    published: frozenset[str] | None = None
    views: tuple[str, ...] | None = None
    upstream: bool | None = None
    untold: tuple[str, ...] = ()
    public: bool = False

    def spelled(self, view: str) -> str:
        """Return `view` as the feed spells it, or as it is where that isn't known."""
        return next((each for each in self.views or () if each.lower() == view.lower()), view)


def facts(  # noqa: PLR0913  # each is a question of its own
    feed: Feed, token: Secret, tell: Tell, *, publish: bool, view: str, upstream: bool
) -> Facts:
    """Ask which packages are the feed's own and, as asked for: may `token` publish, is there this view, an upstream.

    A token that may use the index need not be good for this interface (the REST hosts check other scopes). Then the
    facts are unknown, and named in `untold`: nobody is stopped by what couldn't be told. `tell` hears of the names
    before all else is asked. Raises FeedForbidden, ViewNotFound, FeedNotFound and NoNetwork.
    """
    client = _client(feed, token)
    untold: list[str] = []

    def ask(what: str, question: Callable[[Any, Feed], Answer | None]) -> Answer | None:
        # Who is refused once is refused always; a service with a fault takes five seconds to say so.
        answer = None if untold else _told(partial(question, client, feed), feed)
        if answer is None:
            untold.append(what)
        return answer

    published = ask("which packages are the feed's own", _published)
    tell(published)
    problems: list[StepError] = []
    if publish and ask("whether the token may publish", _may_publish) is False:
        problems.append(
            FeedForbidden(f"`feed-token` may not publish to {feed.label}: its identity isn't a Contributor there.")
        )
    views = ask(f"whether view {view} exists", _views) if view else None
    known = Facts(published, views)
    if views is not None and known.spelled(view) not in views:
        problems.append(no_view(feed, view, views))
    if problems:
        raise together(problems)
    # Through a view nothing comes from an upstream (microsoft/terminal#19243).
    kinds = () if feed.view else ask("whether it has an upstream", _upstreams) if upstream else None
    return Facts(
        published, views, None if kinds is None else bool(kinds), tuple(untold), {*(kinds or ())} == {"public"}
    )


def no_view(feed: Feed, view: str, views: tuple[str, ...]) -> ViewNotFound:
    """Return the error for a view that isn't there, with those that are."""
    return ViewNotFound(
        f"Feed {feed.through(None).label} has no view {view}.",
        cause=f"The name is misspelt. The views of the feed are {', '.join(views)[:500]}.",
    )


@functools.cache
def _cache() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder of this process, which goes with it.

    The package keeps a cache by address, not by credential, in the home directory, and fails without one. It fixes the
    folder when it is imported.
    """
    return tempfile.TemporaryDirectory(prefix="amlwheel-")


def load() -> tuple[Any, Any]:
    """Import the package: 0.5 s, and only feeds of Azure Artifacts need it."""
    os.environ["AZURE_DEVOPS_CACHE_DIR"] = _cache().name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its first import under 3.12 and newer prints SyntaxWarnings
        from azure.devops.v7_1.feed import feed_client  # noqa: PLC0415
        from msrest import authentication  # noqa: PLC0415
    return feed_client, authentication


def _know_addresses(host: str) -> None:
    """Tell the package, in its own cache, where its questions go: it would ask for that first (`OPTIONS _apis`).

    All are asked in version 7.1-preview.1, the one of its module v7_1 and of the REST reference.
    """
    versions = {"resourceVersion": 1, "minVersion": "7.1", "maxVersion": "7.1", "releasedVersion": "7.1"}
    known = [
        {
            "id": key,
            "area": "Packaging",
            "resourceName": name,
            "routeTemplate": f"{{project}}/_apis/{{area}}/{way}",
            **versions,
        }
        for key, (name, way) in _QUESTIONS.items()
    ]
    Path(_cache().name, "options.json").write_text(json.dumps({host.lower(): known}), encoding="utf-8")


def _client(feed: Feed, token: Secret) -> Any:  # noqa: ANN401  # the package has no types
    """Return the package's client for feeds, made for the host that the REST reference names.

    Its `Connection` would ask dev.azure.com for that host first: two requests more, and one more scope to be lacking.
    """
    feed_client, authentication = load()
    host = f"https://feeds.dev.azure.com/{feed.organisation}"
    credential = authentication.BasicAuthentication("", token.reveal())
    _know_addresses(host)
    client = feed_client.FeedClient(host, credential)
    client.config.retry_policy.policy.respect_retry_after_header = False  # it may be an hour, for what may stay untold
    return client


def _told(question: Callable[[], Answer], feed: Feed) -> Answer | None:
    """Return the answer to `question`; None when the token may not ask it, or the service can't tell."""
    from azure.core.exceptions import DeserializationError  # noqa: PLC0415
    from azure.devops import exceptions  # noqa: PLC0415
    from msrest import exceptions as rest  # noqa: PLC0415

    try:
        return question()
    except exceptions.AzureDevOpsServiceError as error:
        if "NotFound" in str(error.type_key) or "DoesNotExist" in str(error.type_key):
            raise FeedNotFound(f"There is no feed {feed.label}.", details=str(error.message)) from None
        return None
    except rest.ClientRequestError as error:
        if isinstance(error.inner_exception, (requests.exceptions.RetryError, type(None))):
            return None  # it answers, but with a fault; msrest's own error is about the status
        raise NoNetwork("feeds.dev.azure.com", type(error.inner_exception).__name__) from None
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise NoNetwork("feeds.dev.azure.com", type(error).__name__) from None  # while the package reads the response
    except (
        exceptions.AzureDevOpsAuthenticationError,
        exceptions.AzureDevOpsClientError,
        rest.ClientException,
        DeserializationError,  # a sign-in page (203)
        ValueError,  # it doesn't offer this question
    ):
        return None  # the index, which everybody has to be able to read, gives the cause


def _published(client: Any, feed: Feed) -> frozenset[str]:  # noqa: ANN401  # the package has no types
    return frozenset(canonicalize_name(each.name) for each in _packages(client, feed) if each.name and _is_own(each))


def _packages(client: Any, feed: Feed) -> list[Any]:  # noqa: ANN401  # the package has no types
    """Return all packages with all their versions, page by page."""
    found: list[Any] = []
    for _ in range(_PAGES):
        page = client.get_packages(
            feed_id=feed.name,
            project=feed.project,
            protocol_type="PyPi",
            include_all_versions=True,
            top=_PAGE,
            skip=len(found),
        )
        found += page
        if len(page) < _PAGE:
            break
    return found


def _is_own(package: Any) -> bool:  # noqa: ANN401  # the package has no types
    """Tell whether any version came from no upstream (REST, `MinimalPackageVersion.directUpstreamSourceId`)."""
    nowhere = (None, "", "00000000-0000-0000-0000-000000000000")
    return any(version.direct_upstream_source_id in nowhere for version in package.versions or ())


def _may_publish(client: Any, feed: Feed) -> bool | None:  # noqa: ANN401  # the package has no types
    """Tell whether the identity is a Contributor or more (REST, Feed Management - Get Feeds, `feedRole`).

    None when the filter doesn't know the identity in any role, which then may come from elsewhere. That the token's
    scope allows writing isn't told by anything but the upload.
    """
    if _listed(client, feed, "contributor", "administrator"):
        return True
    return False if _listed(client, feed, "reader", "collaborator") else None


def _listed(client: Any, feed: Feed, *roles: str) -> bool:  # noqa: ANN401  # the package has no types
    """Tell whether `feed` is among those in which the identity has one of `roles`."""
    return any(
        feed.name.lower() in (str(each.name).lower(), str(each.id).lower())
        and bool(each.project) == bool(feed.project)  # without a project all feeds of the organisation are listed
        for role in roles
        for each in client.get_feeds(project=feed.project, feed_role=role)
    )


def _views(client: Any, feed: Feed) -> tuple[str, ...]:  # noqa: ANN401  # the package has no types
    return tuple(each.name for each in client.get_feed_views(feed.name, project=feed.project) if each.name)


def _upstreams(client: Any, feed: Feed) -> tuple[str, ...]:  # noqa: ANN401  # the package has no types
    """Return the kind of each upstream for Python packages: `public` is the public index, `internal` another feed.

    REST, Feed Management - Get Feed, `UpstreamSource.upstreamSourceType`.
    """
    found = client.get_feed(feed.name, project=feed.project).upstream_sources or ()
    return tuple(str(each.upstream_source_type).lower() for each in found if str(each.protocol).lower() == "pypi")
