"""`route: workspace`: our wheels lie in the storage of each workspace."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from typing_extensions import override

from ..hosts.host import Host
from ..model.azure import Target, Workspace
from ..model.environment import Environment
from ..model.wheel import Pin, Wheel
from ..workspace.azureml.storage import Storage, refuse_unstorable
from .route import Plan, Route

NOT_STORED = "https://not-stored-yet.invalid"  # RFC 2606


@dataclass(frozen=True)
class WorkspaceRoute(Route):
    """The wheels lie in the storage of each workspace. A wheel's address is known once it is stored."""

    storage: Storage
    host: Host
    late: ClassVar[bool] = True

    @property
    @override
    def label(self) -> str:
        return "the storage of each workspace"

    @override
    def refuse(self, wheel: Wheel) -> None:
        refuse_unstorable(wheel)

    @override
    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Pin our wheels by their file names, which are the same in every workspace."""
        files = {each.project: each.filename for each in wheels}
        return tuple(replace(each, stored=files.get(each.name, "")) for each in pins)

    @override
    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        for each in wheels:
            yield from (partial(self.storage.plan, each, place) for place in workspaces)

    @override
    def located(self, environment: Environment, target: Target) -> Environment:
        return self.storage.at(environment, target)

    @override
    def emitted(self, environment: Environment, target: Target, wheels: Sequence[Wheel]) -> Environment:
        """Show an address that no tool will accept for a wheel that isn't stored yet, as in a dry run."""
        placeholders = {each.filename: f"{NOT_STORED}/{each.filename}" for each in wheels}
        return self.located(environment, target).at(placeholders)
