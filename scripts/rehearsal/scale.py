"""How releases grow: what many packages and workspaces cost in requests, and how long Azure's limits make that last.

The costs of one package and one workspace were counted in rehearsals (docs/scale.md says how). `python -m
rehearsal.scale` prints the tables of that page.
"""

from dataclasses import dataclass

from typing_extensions import override

AT_ONCE = 16  # requests of one job at the same time, see `plan/observe.py`
ROUND_TRIP = 0.08  # seconds
BETWEEN = 1  # seconds between two questions whether a registry has made an environment, at least
FEED_READS = 6  # of each package that is new: observed, uploaded, found, fetched with the workspace's token
FEED_READS_APPLIED = 3  # of each package in an applying job that finds it in the feed
FEED_BASE = 3


@dataclass(frozen=True)
class Bucket:
    """A token bucket: `size` requests at once, then `refill` a second."""

    size: int
    refill: int

    def seconds(self, requests: int) -> float:
        """Return how long that many requests take at least."""
        return max(0, requests - self.size) / self.refill


# Azure Resource Manager, for one identity in one subscription and one region (Learn, "Understand how Azure Resource
# Manager throttles requests", regional throttling and token bucket algorithm, read on 2026-11-28).
READS, WRITES = Bucket(250, 25), Bucket(200, 10)


@dataclass(frozen=True)
class Fleet:
    """What is released to where: `environments` on each of `workspaces`, of which `new` aren't registered yet.

    `jobs` apply it in parts; `connects`: the workspaces hold no connection yet. `buckets` counts pairs of identity and
    subscription, each of which has limits of its own.
    """

    packages: int
    workspaces: int
    environments: int = 1
    new: int = 1
    connects: bool = True
    jobs: int = 1
    buckets: int = 1

    @property
    def writes(self) -> int:
        """Writes through Azure Resource Manager: a connection once, and each new environment."""
        return self.workspaces * (self.connects + self.new)

    @property
    def reads(self) -> int:
        """Reads through Azure Resource Manager.

        Three of a workspace, one to read back a connection; of each environment two, and one to read back a new one.
        """
        return self.workspaces * (3 + self.connects + 2 * self.environments + self.new)

    @property
    def feed_reads(self) -> int:
        """Reads of the feed: the first job publishes, and each further one looks whether all is there."""
        further = (self.jobs - 1) * (FEED_BASE + FEED_READS_APPLIED * self.packages)
        return FEED_BASE + FEED_READS * self.packages + further

    @property
    def sent(self) -> float:
        """Seconds that the requests take to be sent and answered, if nothing holds them up."""
        return (self.reads + self.writes) * ROUND_TRIP / AT_ONCE / self.jobs

    @property
    def limited(self) -> float:
        """Seconds that the limits of Azure Resource Manager allow at best."""
        each = (-(-self.reads // self.buckets), -(-self.writes // self.buckets))
        return max(READS.seconds(each[0]), WRITES.seconds(each[1]))

    @property
    def row(self) -> str:
        """A row of the table."""
        cells = (self.writes, self.reads, self.feed_reads)
        numbers = " | ".join(f"{each:,}" for each in cells)
        return f"{self.jobs} | {self.buckets} | {numbers} | {shown(self.sent)} | {shown(self.limited)} | {self.binds} |"

    @property
    def binds(self) -> str:
        """What takes longest."""
        return "limits" if self.limited > self.sent else "round trips"


@dataclass(frozen=True)
class Shared(Fleet):
    """The same in one registry, whose own region is asked: Azure Resource Manager only tells the role.

    Environments are planned beside one another, and made in order: a PUT, two questions whether it is made, and one
    that reads it back. No limits of the region are documented.
    """

    workspaces: int = 1

    @property
    @override
    def writes(self) -> int:
        return 0

    @property
    @override
    def reads(self) -> int:
        return 1

    @property
    @override
    def sent(self) -> float:
        planned = (2 + 2 * self.environments / AT_ONCE) * ROUND_TRIP
        return planned + self.new * (4 * ROUND_TRIP + BETWEEN)

    @property
    @override
    def binds(self) -> str:
        return "one after another" if self.new > 1 else super().binds


def shown(seconds: float) -> str:
    """Return a time in the unit in which people think of it."""
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 2 * 60 else f"{seconds:.0f} s"


ROWS = {
    "10 packages, 1 environment, 10 workspaces": Fleet(10, 10),
    "1,000 packages, 1 environment, 200 workspaces": Fleet(1000, 200),
    "the same, in 10 jobs": Fleet(1000, 200, jobs=10),
    "the same, a later version": Fleet(1000, 200, connects=False),
    "1,000 packages, 1 environment, a registry": Shared(1000),
    "1,000 environments, 200 workspaces": Fleet(1000, 200, environments=1000, new=1000),
    "the same, in 10 jobs with one identity": Fleet(1000, 200, environments=1000, new=1000, jobs=10),
    "the same, in 10 jobs with 10 subscriptions or identities": Fleet(
        1000, 200, environments=1000, new=1000, jobs=10, buckets=10
    ),
    "the same, 10 of the packages changed": Fleet(1000, 200, environments=1000, new=10, connects=False, jobs=10),
    "only the 10 changed packages are released": Fleet(10, 200, environments=10, new=10, connects=False),
    "1,000 environments, a registry": Shared(1000, environments=1000, new=1000),
}
HEAD = """\
| release | jobs | buckets | ARM writes | ARM reads | feed reads | sent in | limits allow | bound by |
|---|---:|---:|---:|---:|---:|---:|---:|---|
"""


def table() -> str:
    """Return the table of docs/scale.md in Markdown."""
    return HEAD + "".join(f"| {name} | {fleet.row}\n" for name, fleet in ROWS.items())


if __name__ == "__main__":
    print(table(), end="")  # what it is for
