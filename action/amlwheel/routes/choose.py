"""How the wheels of a release reach the image: through the feed, the storage of each workspace, a container, or git."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..git.remote import Remote
from ..hosts.terminal import Terminal
from ..inputs.step import Inputs
from ..storage.blobs import Blobs
from ..workspace.azureml.process import Worker
from ..workspace.azureml.storage import Storage
from .commit import GitRoute
from .container import StorageRoute
from .feed import FeedRoute
from .route import Route
from .workspace import WorkspaceRoute


@dataclass(frozen=True)
class Found:
    """What was found beforehand, as far as the route needs it."""

    worker: Worker | None
    blobs: Blobs | None
    source: Remote | None


def of(asked: Inputs, host: Terminal, environ: Mapping[str, str], found: Found) -> Route:
    """Return the route that the user asks for; `inputs` has made sure that what it needs is given."""
    if asked.route == "git" and found.source:
        return GitRoute(found.source, asked.connection_token, asked.python_version, host)
    if asked.route == "storage" and found.blobs:
        return StorageRoute.of(asked, found.blobs, host, environ)
    if asked.route == "workspace" and found.worker:
        return WorkspaceRoute(Storage(found.worker), host)
    if asked.feed:
        return FeedRoute(asked.feed, asked.feed_token, host)
    raise AssertionError(asked.route)
