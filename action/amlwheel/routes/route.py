"""What a way to the image is: what each has to say, and what most of them have in common."""

import abc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..build import project
from ..hosts.host import Host
from ..model.azure import Workspace
from ..model.environment import Environment
from ..model.wheel import Pin, Wheel
from ..plan.change import Change

Plan = Callable[[], Change[Any]]


class Route(abc.ABC):
    """One way. Nothing outside changes but by the effects of what `plans` return."""

    host: Host
    late: ClassVar[bool] = False  # whether `located` knows more once the plans of the wheels are made

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """Where the wheels lie, for people."""

    def build(self, projects: Sequence[str], into: Path) -> list[Path]:
        """Build a wheel from each of `projects` (folders) below the folder `into`; return them in the same order."""
        return project.build(projects, into, self.host.foreign)

    def refuse(self, wheel: Wheel) -> None:  # noqa: B027  # most places take every wheel
        """Raise what the place would say of `wheel`, before anything is sent."""

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Return the lock's `pins`, those of our `wheels` as this route brings them."""
        del wheels
        return tuple(pins)

    def options(self, feed: list[str]) -> list[str]:
        """Return pip's options for the environment; `feed` are those that lead to the feed, if there is one."""
        return feed

    @abc.abstractmethod
    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """Yield what compares each wheel with what is there, and says what has to happen."""

    def located(self, environment: Environment, workspace: Workspace) -> Environment:
        """Return `environment` as `workspace` gets it, as far as is known; mostly it is the same everywhere."""
        del workspace
        return environment

    def local(self, environment: Environment, wheels: Sequence[Wheel]) -> Environment:
        """Return `environment` as the proof installs it, which can't sign in to a storage."""
        del wheels
        return environment
