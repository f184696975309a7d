"""A route: one way for our wheels to reach the image. Most routes share the methods that have a body here."""

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from ..build import project
from ..hosts.host import Host
from ..model.azure import Target, Workspace
from ..model.environment import Environment
from ..model.secret import Secret
from ..model.source import Source
from ..model.wheel import Pin, Wheel
from ..plan.change import Change

Plan = Callable[[], Change[Any]]


class Route(abc.ABC):
    """One way for our wheels to reach the image. Only the effects of the changes that `plans` returns change anything.

    `publishes`: the wheels are published to the feed. `late`: `located` knows all addresses only after the wheels'
    plans are made.
    """

    host: Host
    publishes: ClassVar[bool] = False
    late: ClassVar[bool] = False

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """Where the wheels lie, for people."""

    def build(self, projects: Sequence[str], into: Path, more: Mapping[str, str] = MappingProxyType({})) -> list[Path]:
        """Build a wheel from each of `projects` (folders) below the folder `into`; return them in the same order.

        `more` are further variables for the build; see `project.build`.
        """
        return project.build(projects, into, self.host.foreign, more)

    def refuse(self, wheel: Wheel) -> None:  # noqa: B027  # most places take every wheel
        """Raise the error for which the place would refuse `wheel`, before anything is sent."""

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Return the lock's `pins`, those of our `wheels` as this route brings them."""
        del wheels
        return tuple(pins)

    def resume(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> None:  # noqa: B027  # most routes remember nothing
        """Take up what `place` made of a lock in another run: `pins` are those that it returned."""

    def options(self, feed: list[str]) -> list[str]:
        """Return pip's options for the environment; `feed` are those that lead to the feed, if there is one."""
        return feed

    @abc.abstractmethod
    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """Yield the questions that compare each wheel with what is stored, and return the change that is needed."""

    def located(self, environment: Environment, target: Target) -> Environment:
        """Return `environment` as `target` gets it, with the addresses known so far; mostly all get the same."""
        del target
        return environment

    def emitted(self, environment: Environment, target: Target, wheels: Sequence[Wheel]) -> Environment:
        """Return `environment` as the emitted files show it: as `target` gets it."""
        del wheels
        return self.located(environment, target)

    def source(self, checkout: Source) -> Source:
        """Return where the code of the wheels is from; mostly that is what is checked out."""
        return checkout

    def fetch(self, wheels: Sequence[Wheel], reader: Secret) -> str:
        """Fetch our `wheels` from where images get them, with the token `reader`, and compare; return how, for people.

        Empty where that is known already. Raises ProofFailed or why the place refuses the reader.
        """
        del wheels, reader
        return ""
