"""The table of what disturbed releases came to."""

import collections
import datetime
import re
from collections.abc import Iterable, Sequence

from chaos.promises import Note

_BEGIN, _END = "<!-- chaos: written by `scripts/test chaos --whole --write` -->", "<!-- end of chaos -->"


def table(notes: Sequence[Note]) -> str:
    """Return the figures as Markdown."""
    faults, others = [each for each in notes if each.sort == "fault"], [each for each in notes if each.sort != "fault"]
    rows = [_row(sort, group) for sort, group in (*_by(faults, "what"), *_by(others, "sort"))]
    head = ["| what went wrong | where | runs | released | clear error or ended | invariant broken | longest |"]
    head += ["| --- | --- | --: | --: | --: | --: | --: |"]
    return "\n".join([*_sums(notes), "", *head, *rows])


def written(page: str, text: str, today: datetime.date | None = None) -> str:
    """Return the page with a new table in it."""
    day = today or datetime.datetime.now(datetime.timezone.utc).date()
    pattern = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{_BEGIN}\nAs of {day}.\n\n{text}\n{_END}", page)


def _sums(notes: Sequence[Note]) -> list[str]:
    def count(sort: str) -> int:
        return sum(each.sort == sort for each in notes)

    faults = [each for each in notes if each.sort == "fault"]
    requests, kinds = {(each.route, each.where) for each in faults}, {each.what for each in faults}
    slow = [each.seconds for each in notes if each.outcome.startswith("AW") and not each.brisk]
    brisk = [each.seconds for each in notes if each.outcome.startswith("AW") and each.brisk]
    lines = [
        f"requests x faults: {len(requests)} x {len(kinds)}, {count('fault')} runs",
        f"kills: {count('kill')}, cancels: {count('cancel')}, races: {count('race')}",
        f"runs that were disturbed: {len(notes)}",
        f"invariant broken: {sum(bool(each.broken) for each in notes)}",
        f"longest time to a clear error: {max(slow, default=0):.0f} s",
        f"longest time to a clear error where a server hangs, with limits of 3 s: {max(brisk, default=0):.0f} s",
    ]
    return [f"- {each}" for each in lines]


def _by(notes: Iterable[Note], what: str) -> list[tuple[str, list[Note]]]:
    groups: dict[str, list[Note]] = collections.defaultdict(list)
    for each in notes:
        name = str(getattr(each, what))
        groups[f"{name}, {each.what}" if what == "sort" else name].append(each)
    return sorted(groups.items())


def _row(name: str, group: Sequence[Note]) -> str:
    routes = ", ".join(dict.fromkeys(each.route for each in group))
    released = sum(each.outcome == "released" for each in group)
    told = sum(each.outcome.startswith(("ended", "AW")) for each in group)
    broken = sum(bool(each.broken) for each in group)
    longest = max(each.seconds for each in group)
    return f"| {name} | {routes} | {len(group)} | {released} | {told} | {broken} | {longest:.0f} s |"
