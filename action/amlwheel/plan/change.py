"""Intended effects on the outside world: each known in full before it happens, then applied in order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

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
    """A subject (such as `wheel acme-1.0…whl`), what will happen to it, why, and what it then is.

    `result` is known beforehand, because names are derived from content. `effect` runs at most once, in `plan.apply`.
    """

    subject: str
    verb: Verb
    why: str
    result: Result
    effect: Callable[[], None] = nothing

    @property
    def changes(self) -> bool:
        """Whether applying it changes anything outside."""
        return self.verb is not Verb.KEEP


def apply(changes: Iterable[Change[Any]], announce: Callable[[Change[Any]], None]) -> None:
    """Run the effects in order, announcing each before it starts; the first failure stops the rest.

    Nothing is rolled back: feeds are immutable and stored secrets unreadable. Running the step again continues.
    """
    for change in changes:
        if change.changes:
            announce(change)
            change.effect()
