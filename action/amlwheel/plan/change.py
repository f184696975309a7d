"""The changes that a run makes outside: all are planned first, then applied in order."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Generic, TypeVar

from ..errors.base import StepError
from .observe import observing

Result = TypeVar("Result")


class Verb(Enum):
    """What a change does to its subject."""

    KEEP = "KEEP"
    CREATE = "CREATE"
    UPDATE = "UPDATE"
    SKIP = "SKIP"
    """Nothing, since its workspace couldn't be looked at: that is told once all others are done."""


def nothing() -> None:
    """Do nothing: the effect of a KEEP."""


@dataclass(frozen=True)
class Change(Generic[Result]):
    """One planned change: its subject (such as `wheel acme-1.0…whl`), what happens to it, why, and the result.

    `result` is known beforehand, because names are derived from content. `effect` runs at most once, in `apply`.
    `target` is the id of the workspace that is changed; empty for what is there for all of them.
    """

    subject: str
    verb: Verb
    why: str
    result: Result
    effect: Callable[[], None] = nothing
    target: str = ""

    @property
    def changes(self) -> bool:
        """Whether it changes anything outside."""
        return self.verb is not Verb.KEEP

    @property
    def told(self) -> str:
        """The change in a few words."""
        return f"{self.verb.value} {self.subject}"


Announce = Callable[[Change[Any]], None]


def by_target(changes: Iterable[Change[Any]]) -> dict[str, list[Change[Any]]]:
    """Return the changes of each target in their order; what is there for all targets is under an empty text."""
    found: dict[str, list[Change[Any]]] = {}
    for change in changes:
        found.setdefault(change.target, []).append(change)
    return found


def apply_to_each(
    targets: Mapping[str, Iterable[Change[Any]]], announce: Announce, done: Announce
) -> dict[str, StepError]:
    """Run the effects of all targets at the same time, those of one in order; return what failed, by target.

    A failure stops the rest of its own target and no other. What was done is kept in the next run.
    """
    failed: dict[str, StepError] = {}

    def one(target: str, changes: Iterable[Change[Any]]) -> None:
        try:
            apply(changes, announce, done)
        except StepError as error:
            failed[target] = error

    with observing() as observer:
        for target, changes in targets.items():
            observer.ask(partial(one, target, changes))
    return {target: failed[target] for target in targets if target in failed}


def apply(changes: Iterable[Change[Any]], announce: Announce, done: Announce) -> None:
    """Run the effects in order, telling of each before it starts and after; the first failure stops the rest.

    Nothing is rolled back: a feed is immutable, and a stored secret can't be read. The next run of the step continues
    where this one stopped.
    """
    for change in changes:
        if change.changes:
            announce(change)
            change.effect()
            done(change)
