"""The changes that a run makes outside: all are planned first, then applied in order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Generic, TypeVar

from .observe import observing

Result = TypeVar("Result")


class Verb(Enum):
    """What a change does to its subject."""

    KEEP = "KEEP"
    CREATE = "CREATE"
    UPDATE = "UPDATE"


def nothing() -> None:
    """Do nothing: the effect of a KEEP."""


@dataclass(frozen=True)
class Change(Generic[Result]):
    """One planned change: its subject (such as `wheel acme-1.0…whl`), what happens to it, why, and the result.

    `result` is known beforehand, because names are derived from content. `effect` runs at most once, in `apply`.
    """

    subject: str
    verb: Verb
    why: str
    result: Result
    effect: Callable[[], None] = nothing

    @property
    def changes(self) -> bool:
        """Whether it changes anything outside."""
        return self.verb is not Verb.KEEP

    @property
    def told(self) -> str:
        """The change in a few words."""
        return f"{self.verb.value} {self.subject}"


Announce = Callable[[Change[Any]], None]


def apply_at_once(changes: Iterable[Change[Any]], announce: Announce, done: Announce) -> None:
    """Run the effects of changes that don't depend on one another at the same time; tell of each before and after.

    A failure stops none of the others; raises all of them together. What was done is kept in the next run.
    """
    with observing() as observer:
        for change in changes:
            if change.changes:
                announce(change)
                observer.ask(partial(_apply, change, done))


def _apply(change: Change[Any], done: Announce) -> None:
    change.effect()
    done(change)


def apply(changes: Iterable[Change[Any]], announce: Announce, done: Announce) -> None:
    """Run the effects in order, telling of each before it starts and after; the first failure stops the rest.

    Nothing is rolled back: a feed is immutable, and a stored secret can't be read. The next run of the step continues
    where this one stopped.
    """
    for change in changes:
        if change.changes:
            announce(change)
            _apply(change, done)
