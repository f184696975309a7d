"""The plan of a release: what changes outside, and what the new environments change beside those that are there."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from ..hosts.host import Host
from ..model import differences
from ..model.azure import Connection
from ..model.differences import Comparison
from ..model.environment import Environment
from ..plan.change import Change, Verb, by_target


@dataclass(frozen=True)
class Changes:
    """The plan in the order in which it is applied: what fails most often first, what others will use last.

    `saved` are packages that the feed has to save from its upstream, so that images can be built; `feed` promotions.
    `compared` are the new environments beside the newest ones that are registered.
    `images` says where the image exists.
    """

    wheels: tuple[Change[str], ...]
    feed: tuple[Change[Any], ...]
    connections: tuple[Change[Connection], ...]
    environments: tuple[Change[Environment], ...]
    saved: tuple[Change[frozenset[str]], ...] = ()
    compared: tuple[Comparison, ...] = ()
    images: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[Change[Any], ...]:
        """Every change in order."""
        return (*self.first, *self.environments)

    @property
    def first(self) -> tuple[Change[Any], ...]:
        """What images need."""
        return (*self.published, *self.connections)

    @property
    def published(self) -> tuple[Change[Any], ...]:
        """What they fetch. Saved packages come before the wheels, whose versions are spent once they are published."""
        return (*self.saved, *self.wheels, *self.feed)

    @property
    def once(self) -> tuple[Change[Any], ...]:
        """What is there for all workspaces, in order."""
        return tuple(change for change in self.first if not change.target)

    @property
    def targets(self) -> dict[str, list[Change[Any]]]:
        """The changes of each workspace, by its id and in order."""
        return by_target(change for change in self.all if change.target)

    @property
    def kept(self) -> bool:
        """Whether the environment is registered everywhere, with the same content."""
        return all(change.verb is Verb.KEEP for change in self.environments)

    @property
    def count(self) -> int:
        """How many of them change something."""
        return sum(change.changes for change in self.all)


def news(
    older: Sequence[Future[Comparison]], registered: Sequence[Future[Change[Environment]]], host: Host
) -> tuple[Comparison, ...]:
    """Return the comparisons of the environments that are new; both have one future a workspace.

    An older environment may hold one of this run's secrets: then nothing is said of it.
    """
    pairs = zip(older, registered, strict=True)
    new = (comparison.result() for comparison, change in pairs if change.result().verb is Verb.CREATE)
    return differences.grouped(
        Comparison(each.workspaces, unknown="it holds a secret of this run") if host.leaks(repr(each)) else each
        for each in new
    )
