"""One intended effect on the outside world, known in full before it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

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
