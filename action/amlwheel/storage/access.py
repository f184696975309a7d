"""Whether a container can be used: it exists, it is closed to the public, and the step may write to it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..errors.storage import ContainerPublic, ContainerRefused
from ..model.azure import Container, Workspace
from ..plan import observe
from ..transport.arm import Arm
from . import roles
from .blobs import Blobs


def usable_container(
    arm: Arm,
    credential: Any,  # noqa: ANN401  # azure-core's protocol
    container: Container,
    workspaces: Sequence[Workspace],
    warn: Callable[[str], None],
) -> Blobs:
    """Return the container, unless it is missing, open to the public, or known to refuse the step's writes.

    `warn` is called for each workspace that can't read it; that stops nothing, since images may be built on another
    workspace, or later. Raises ContainerRefused, ContainerPublic, and whatever `Blobs.public` raises.
    """
    place = roles.find(arm, container, workspaces)
    blobs = Blobs(container, credential, place.grant)
    with observe.observing() as observer:
        public = observer.ask(blobs.public)
        writes = observer.ask(place.may_write)
        closed = [observer.ask(partial(place.closed_to, each)) for each in workspaces]
    if writes.result() is False:
        raise ContainerRefused(
            f"The identity may see {container.url}, but has no role that lets it store blobs there.", fix=place.grant
        )
    if public.result():
        raise ContainerPublic(f"Anybody on the internet may read {container.url} (public access: {public.result()}).")
    for text in filter(None, observe.results(closed)):
        warn(text)
    return blobs
