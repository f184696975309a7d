"""A failed run for people: one message for each code, and the page of the run."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from ..errors.base import Several, StepError
from ..errors.workspace import TargetsFailed
from ..plan.change import Change
from .markdown import cell

SHORT = 10  # rows of a table that are shown at once
LAST = 40  # lines of a tool that the page shows
LONGEST = 8000  # characters of them
_PLACE = re.compile(
    r"(\[tool\.amlwheel\] of )?(?P<file>[\w./-]+\.(toml|txt|in|ya?ml|lock|cfg|py))(:(?P<line>\d+))?[: ]"
)
Words = Callable[[str], str]
"""Spells the inputs in a text as the user's host does, and hides secrets."""


@dataclass
class Progress:
    """What a run has planned, and what it has begun and done of that: `ended` is False for what was begun.

    `saved` are files that the feed saved before there was a plan, each with the feed.
    """

    plan: Sequence[Change[Any]] = ()
    ended: dict[tuple[str, str], bool] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)

    @property
    def done(self) -> list[str]:
        """What is done, each change in a few words."""
        before = [f"SAVE {each}" for each in self.saved]
        return before + [each.told for each in self.plan if self.ended.get((each.target, each.subject))]

    def begin(self, change: Change[Any]) -> None:
        """Note that the effect of `change` starts."""
        self.ended[change.target, change.subject] = False

    def end(self, change: Change[Any]) -> None:
        """Note that the effect of `change` is over."""
        self.ended[change.target, change.subject] = True


@dataclass(frozen=True)
class Problem:
    """All errors of a run that have one code; at least one."""

    errors: tuple[StepError, ...]

    @property
    def title(self) -> str:
        """Code and name, such as `AW35 same version, other bytes`; and how many there are."""
        first, count = self.errors[0], len(self.errors)
        return f"{first.code} {first.title}" + (f" ({count} times)" if count > 1 else "")

    @property
    def place(self) -> tuple[str, str]:
        """The file that is at fault, and the line in it: that of the first error, as its message begins; or empty."""
        match = _PLACE.match(self.errors[0].what)
        return (match["file"], match["line"] or "1") if match else ("", "")

    @property
    def advised(self) -> list[tuple[tuple[str, str], list[str]]]:
        """What happened, under the cause and the fix that it has."""
        found: dict[tuple[str, str], list[str]] = {}
        for error in self.errors:
            found.setdefault((error.cause, error.fix), []).append(error.what)
        return list(found.items())

    def text(self, words: Words) -> str:
        """Return what happened, why, what to do, and where more is written, as lines."""
        parts = []
        for (cause, fix), happened in self.advised:
            mark = "- " if len(happened) > 1 else ""
            whats = "\n".join(f"{mark}{words(what)}" for what in happened)
            parts.append(f"{whats}\nLikely cause: {words(cause)}\nWhat to do:   {words(fix)}")
        return "\n".join([*parts, f"More:         {self.errors[0].page}"])


def problems(error: StepError) -> list[Problem]:
    """Return the errors in `error`, those of one code together, in the order in which they were found."""
    found: dict[str, list[StepError]] = {}
    for each in error.errors if isinstance(error, Several) else (error,):
        found.setdefault(each.code, []).append(each)
    return [Problem(tuple(errors)) for errors in found.values()]


def page(found: Sequence[Problem], progress: Progress, words: Words) -> str:
    """Return the run's page in Markdown: what failed, what to do, what is done already. Foreign text is escaped."""
    head = found[0].title if len(found) == 1 else f"{sum(len(each.errors) for each in found)} problems"
    sections = [_section(each, words, titled=len(found) > 1) for each in found]
    return "\n\n".join([f"## Failed: {cell(words(head))}", *sections, *_done(progress, words)]) + "\n"


def cancelled(progress: Progress, words: Words) -> str:
    """Return the page of a run that was cancelled, in Markdown."""
    return "\n\n".join(["## Cancelled", *_done(progress, words)]) + "\n"


def _section(problem: Problem, words: Words, *, titled: bool) -> str:
    parts = [f"### {cell(words(problem.title))}"] if titled else []
    for (cause, fix), happened in problem.advised:
        rows = [_lines(words(what)) for what in happened]
        advice = [f"**Likely cause:** {_lines(words(cause))}", f"**What to do:** {_lines(words(fix))}"]
        # A long table would push what to do off the screen.
        several = [*advice, _table(rows)] if len(rows) > 1 else [*rows, *advice]
        parts += [targets, *advice] if (targets := _targets(problem.errors, words)) else several
    parts.append(f"[All about {problem.errors[0].code}]({problem.errors[0].page})")
    said = "\n".join(words(error.details) for error in problem.errors if error.details)
    if said:
        kept = escape("\n".join(said.split("\n")[-LAST:])[-LONGEST:])
        title = "The last lines of the tool, or the answer"
        parts.append(f"<details><summary>{title}</summary>\n\n<pre>\n{kept}\n</pre>\n</details>")
    return "\n\n".join(parts)


def _targets(errors: Iterable[StepError], words: Words) -> str:
    """Return a table of what failed on which workspace; empty for another error."""
    parts = []
    for each in errors:
        if isinstance(each, TargetsFailed) and each.failed:
            rows = [(name, f"{one.code} {one.title}", one.what, one.fix) for name, one in each.failed.items()]
            cells = ["| " + " | ".join(_lines(words(text)) for text in row) + " |" for row in rows]
            table = ["| workspace | | what happened | what to do |", "|---|---|---|---|", *cells]
            parts.append(f"{each.head}\n\n" + "\n".join(table))
    return "\n\n".join(parts)


def _table(rows: Sequence[str]) -> str:
    """Return what happened several times; of a long table only the first rows aren't folded."""
    head = ["| | what happened |", "|---|---|"]
    listed = [f"| {number} | {row} |" for number, row in enumerate(rows, 1)]
    shown, more = "\n".join([*head, *listed[:SHORT]]), "\n".join([*head, *listed[SHORT:]])
    folded = f"\n\n<details><summary>{len(rows) - SHORT} more</summary>\n\n{more}\n\n</details>"
    return shown + (folded if len(rows) > SHORT else "")


def _lines(text: str) -> str:
    """Escape a text; its lines stay lines. With indented ones, as of YAML, what follows the first is to be copied."""
    first, *rest = map(cell, text.split("\n"))
    return f"{first}<pre>{'<br>'.join(rest)}</pre>" if "\n " in text else "<br>".join([first, *rest])


def _done(progress: Progress, words: Words) -> list[str]:
    """Return what is done: before the plan, and of it."""
    if progress.saved and not progress.ended:
        done = "Of the release nothing was changed: no wheel, no connection, no environment."
    elif not progress.ended:
        done = "Nothing was changed: no package, no connection, no environment."
    elif all(progress.ended.values()):
        done = f"Changes that are done: {len(progress.ended)}. They are kept: the next run goes on from there."
    else:
        done = "What is done is kept: the next run goes on from there, and looks at what was only begun."
    parts = [done]
    if progress.saved:
        rows = (f"- {cell(words(each))}" for each in progress.saved)
        title = "Downloaded through the feed before there was a plan, which saves them there:"
        parts.append("\n".join([title, "", *rows]))
    if progress.plan:
        parts.append(_planned(progress, words))
    return parts


def _planned(progress: Progress, words: Words) -> str:
    rows = []
    for each in progress.plan:
        state = {None: "", True: "done", False: "begun"}[progress.ended.get((each.target, each.subject))]
        rows.append(f"| {each.verb.value} | {cell(words(each.subject))} | {cell(words(each.why))} | {state} |")
    return "\n".join(["| | plan | why | |", "|---|---|---|---|", *rows])
