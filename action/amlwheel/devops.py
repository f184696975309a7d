"""Facts about the feed that only Azure DevOps' REST interface tells. The only module that imports `azure.devops`."""

import os
import tempfile
import warnings
from typing import Any

import requests
from packaging.utils import canonicalize_name

from .errors import FeedNotFound, NoNetwork
from .model import Feed
from .secret import Secret

_PAGE, _PAGES = 1000, 100  # packages a request, and requests


def published(feed: Feed, token: Secret) -> frozenset[str] | None:
    """Return the normalised names of the packages that were published to `feed` itself, not saved from an upstream.

    None when the token may use the index but not this interface (the REST hosts check other scopes): the caller then
    has to treat every name as possibly the feed's own. Raises FeedNotFound and NoNetwork.
    """
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as folder:
        # The package keeps a cache by URL, not by credential, in the home directory, and fails without one.
        os.environ["AZURE_DEVOPS_CACHE_DIR"] = folder
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its first import under 3.12 and newer prints SyntaxWarnings
            return _ask(feed, token)


def _ask(feed: Feed, token: Secret) -> frozenset[str] | None:
    from azure.core.exceptions import DeserializationError  # noqa: PLC0415
    from azure.devops import connection, exceptions  # noqa: PLC0415  # 0.5 s, and only Artifacts feeds need it
    from msrest import authentication  # noqa: PLC0415
    from msrest import exceptions as rest  # noqa: PLC0415

    try:
        client = connection.Connection(
            base_url=f"https://dev.azure.com/{feed.organisation}",
            creds=authentication.BasicAuthentication("", token.reveal()),
        ).clients_v7_1.get_feed_client()
        return frozenset(
            canonicalize_name(each.name) for each in _packages(client, feed) if each.name and _is_own(each)
        )
    except exceptions.AzureDevOpsServiceError as error:
        if "NotFound" in str(error.type_key) or "DoesNotExist" in str(error.type_key):
            message = f"There is no feed {feed.label}."
            raise FeedNotFound(message, details=str(error.message)) from None
        return None
    except rest.ClientRequestError as error:
        if isinstance(error.inner_exception, requests.exceptions.RetryError):
            return None  # it answers, but with a fault
        raise NoNetwork("dev.azure.com, feeds.dev.azure.com", type(error.inner_exception).__name__) from None
    except (
        exceptions.AzureDevOpsAuthenticationError,
        exceptions.AzureDevOpsClientError,
        rest.ClientException,
        DeserializationError,  # a sign-in page
    ):
        return None  # the index, which everybody has to be able to read, gives the cause


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
