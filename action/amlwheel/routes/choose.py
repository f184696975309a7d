"""How the wheels of a release reach the image: the choice of the route, from the inputs and what answered."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..git import remote
from ..git.remote import Remote
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model.limit import NO_LIMIT, Limit
from ..storage.blobs import Blobs
from ..workspace.azureml.process import Worker
from ..workspace.azureml.storage import Storage
from .commit import GitRoute
from .container import StorageRoute
from .feed import FeedRoute
from .route import Route
from .workspace import WorkspaceRoute


@dataclass(frozen=True)
class Resources:
    """What a route works with: azureml-core, a container, or a commit; None where the route needs no such thing.

    `limit` is that of uploads which count for a build.
    """

    worker: Worker | None = None
    blobs: Blobs | None = None
    commit: Remote | None = None
    limit: Limit = NO_LIMIT


def commit(inputs: Inputs, environ: Mapping[str, str]) -> Remote | None:
    """Return the commit that images are built from; None when they aren't. Raises what `remote.locate` raises."""
    if inputs.route != "git":
        return None
    return remote.locate(inputs.git_repository, inputs.package_dir, environ)


def of(inputs: Inputs, host: Host, environ: Mapping[str, str], resources: Resources) -> Route:
    """Return the route that the user asks for. `inputs` has checked that all that it needs is given."""
    if inputs.route == "git" and resources.commit:
        return GitRoute(resources.commit, inputs.connection_token, inputs.python_version, host, resources.limit)
    if inputs.route == "storage" and resources.blobs:
        return StorageRoute.of(inputs, resources.blobs, host, environ)
    if inputs.route == "workspace" and resources.worker:
        return WorkspaceRoute(Storage(resources.worker), host)
    if inputs.route == "feed" and inputs.feed:
        return FeedRoute(inputs.feed, inputs.feed_token, host)
    raise AssertionError(inputs.route)
