"""The way of a workspace's storage: our wheels lie in each workspace."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from typing_extensions import override

from ..hosts.host import Host
from ..model.azure import Workspace
from ..model.environment import Environment
from ..model.wheel import Pin, Wheel
from ..workspace.azureml import storage as azureml_core
from ..workspace.azureml.storage import Storage
from .route import Plan, Route


@dataclass(frozen=True)
class WorkspaceRoute(Route):
    """The wheels lie in the storage of each workspace, whose addresses are known once they are there."""

    storage: Storage
    host: Host
    late: ClassVar[bool] = True

    @property
    @override
    def label(self) -> str:
        return "the storage of each workspace"

    @override
    def refuse(self, wheel: Wheel) -> None:
        azureml_core.refuse_unstorable(wheel)

    @override
    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Our wheels stand by their file names, which are the same in every workspace."""
        files = {each.project: each.filename for each in wheels}
        return tuple(replace(each, stored=files.get(each.name, "")) for each in pins)

    @override
    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        for each in wheels:
            yield from (partial(self.storage.plan, each, place) for place in workspaces)

    @override
    def located(self, environment: Environment, workspace: Workspace) -> Environment:
        return self.storage.at(environment, workspace)

    @override
    def local(self, environment: Environment, wheels: Sequence[Wheel]) -> Environment:
        """What was stored was read back and compared, so the file here is the same."""
        return environment.at({each.filename: each.path.resolve().as_uri() for each in wheels})
