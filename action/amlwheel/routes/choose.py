"""How the wheels of a release reach the image: through the feed, the storage of each workspace, a container, or git."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..git.remote import Remote
from ..hosts.host import Host
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


def of(inputs: Inputs, host: Host, environ: Mapping[str, str], found: Found) -> Route:
    """Return the route that the user asks for; `inputs` has made sure that what it needs is given."""
    if inputs.route == "git" and found.source:
        return GitRoute(found.source, inputs.connection_token, inputs.python_version, host)
    if inputs.route == "storage" and found.blobs:
        return StorageRoute.of(inputs, found.blobs, host, environ)
    if inputs.route == "workspace" and found.worker:
        return WorkspaceRoute(Storage(found.worker), host)
    if inputs.feed:
        return FeedRoute(inputs.feed, inputs.feed_token, host)
    raise AssertionError(inputs.route)
