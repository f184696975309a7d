"""A part of the workspaces of a plan, so that several jobs can apply it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """The `part`-th of `of` parts, counted from 1."""

    part: int
    of: int

    def __str__(self) -> str:
        """Return it as the input has it."""
        return f"{self.part}/{self.of}"

    def take(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """Return every `of`-th of `items`: all parts together have each item once, and are about equally large."""
        return tuple(items)[self.part - 1 :: self.of]
