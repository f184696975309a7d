"""The checklist of what is set up outside, for people: lines of the log, and a part of the run's page."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors.base import StepError
from .markdown import cell, short

SIGN_IN = "sign-in to Azure"


@dataclass(frozen=True)
class Trust:
    """What Entra must trust: tokens of this issuer for this audience, with these subjects; nothing if none is sent."""

    issuer: str = ""
    audience: str = ""
    subjects: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What has to be set up, in a line that ends before the subjects."""
        return (
            f"Entra must trust {self.issuer}, audience {self.audience}, for each of these subjects, letter by letter:"
        )


@dataclass(frozen=True)
class Point:
    """One thing that has to be set up: what was `found`, or the `error` that says what to do.

    `waits`: it couldn't be asked for, since the sign-in doesn't work.
    """

    name: str
    found: str = ""
    error: StepError | None = None
    waits: bool = False

    @property
    def good(self) -> bool:
        """Whether it is set up."""
        return self.error is None

    @property
    def state(self) -> str:
        """One word."""
        return "OK" if self.good else "unknown" if self.waits else "missing"

    @property
    def told(self) -> str:
        """What was found, what is missing, or why nobody knows."""
        if self.waits:
            return "asked once the sign-in works"
        return f"{self.error.code} {self.error.title}: what to do is said below" if self.error else self.found


def lines(points: Sequence[Point]) -> list[str]:
    """Return the checklist as lines of a plain table."""
    width = max(len(point.name) for point in points)
    return [f"{point.state:<8} {point.name:<{width}}  {point.told}" for point in points]


def page(points: Sequence[Point], trust: Trust) -> str:
    """Return the checklist in Markdown, for the run's page. Foreign text is escaped."""
    good = sum(point.good for point in points)
    head = f"## Set up: {good} of {len(points)}"
    rows = [f"| {point.state} | {cell(point.name)} | {cell(short(point.told))} |" for point in points]
    table = "\n".join(["| | what | found |", "|---|---|---|", *rows])
    subjects = [cell(trust.told), "\n".join(f"- `{cell(each)}`" for each in trust.subjects)] if trust.subjects else []
    return "\n\n".join([head, table, *subjects]) + "\n"
