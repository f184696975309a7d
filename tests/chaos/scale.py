"""How much of the suite runs: the small part of every check, the whole, or each fault at each request."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Scale:
    """The whole or the small part, with the seed of every choice."""

    SHARES: ClassVar[int] = 4
    """In so many tests the faults of a route are split, so that two processes have the same to do."""
    seed: int
    whole: bool = False
    everything: bool = False
    done: frozenset[tuple[str, ...]] = frozenset()
    """What was noted in an earlier part of the run: see `promises.Note.key`."""
    without: frozenset[str] = frozenset()
    """Faults that are left out."""

    @property
    def racing(self) -> int:
        """How many releases of one commit run at once."""
        return 8 if self.whole else 3

    @property
    def versions(self) -> int:
        """How many pairs of commits race for one version."""
        return 4 if self.whole else 1

    def moments(self, stage: str) -> int:
        """Return how many moments of a stage are hit."""
        return 6 if self.whole else int(stage == "Build")

    def faulty(self, route: str, share: int) -> bool:
        """Tell whether these requests go wrong in this part."""
        return self.whole or (route == "feed v2" and share < 2)

    def killed(self, route: str) -> bool:
        """Tell whether this route is killed after its writes in this part."""
        return self.whole or route == "feed v2"

    raced = killed

    def of_a_share(self, cases: Sequence[Item], share: int) -> Sequence[Item]:
        """Return the cases of one share; a small part has two of them."""
        own = cases[share :: self.SHARES]
        return own if self.whole else random.Random(f"{self.seed} {share}").sample(own, 2)

    def some_kills(self, kills: Sequence[Item]) -> Sequence[Item]:
        """Return the kills after writes; a small part has two of them."""
        return kills if self.whole else random.Random(self.seed).sample(kills, 2)

    def cancelled(self, host: str, stages: Sequence[str]) -> Sequence[str]:
        """Return the stages in which a host cancels."""
        return stages if self.whole else stages[:1] if host == "GitHub" else ()
