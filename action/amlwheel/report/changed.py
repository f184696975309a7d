"""What a release changes beside the newest environment of its name: for the log, the summary page and the receipt."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from ..model.differences import Comparison, Difference, Way
from .markdown import cell, short
from .release import Release

SHORT = 10  # rows that are shown at once
_MOST = 1000  # rows of the whole table: GitHub drops a summary of more than 1 MiB; the receipt has all


def lines(release: Release, compared: Sequence[Comparison]) -> Iterator[str]:
    """Yield lines for the log: what changed in a sentence, and the first differences."""
    for each in compared:
        yield _sentence(release, each)
        if _is_listed(release, each):
            for row in each.differences[:SHORT]:
                arrow = " → ".join(filter(None, (row.before, row.now)))
                yield f"  {row.way:<11} {_named(row)} {short(arrow)}".rstrip()
            yield from _more(each, "  ")


def section(release: Release, compared: Sequence[Comparison]) -> str:
    """Return the part of the summary page, in Markdown; empty if nothing was compared. All texts are escaped."""
    return "".join(f"\n{_markdown(release, each)}\n" for each in compared)


def data(release: Release, compared: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return the part of the receipt."""
    return [
        {
            "workspaces": list(each.workspaces),
            **({"since": _reference(release, each)} if each.since else {}),
            **({"unknown": each.unknown} if each.unknown else {}),
            "differences": [
                {
                    "kind": row.kind,
                    "name": row.name,
                    "change": row.way,
                    **({"from": row.before} if row.before else {}),
                    **({"to": row.now} if row.now else {}),
                }
                for row in each.differences
            ],
        }
        for each in compared
    ]


def _markdown(release: Release, comparison: Comparison) -> str:
    told = cell(_sentence(release, comparison))
    if not _is_listed(release, comparison):
        return told
    rows, more = comparison.differences, "".join(_more(comparison, ""))
    short = f"{told}\n\n{_table(rows[:SHORT])}\n"
    if not more:
        return short
    rest = f"\nThe receipt has {len(rows) - _MOST} more.\n" if len(rows) > _MOST else ""
    whole = f"<details><summary>All {len(rows)} differences</summary>\n\n{_table(rows[:_MOST])}\n{rest}</details>"
    return f"{short}\n{more}\n\n{whole}"


def _table(rows: Sequence[Difference]) -> str:
    listed = (f"| {row.way} | {cell(_named(row))} | {_version(row.before)} | {_version(row.now)} |" for row in rows)
    return "\n".join(("| | | before | now |", "|---|---|---|---|", *listed))


def _sentence(release: Release, comparison: Comparison) -> str:
    """Say in one sentence what changed."""
    where = f" on {', '.join(comparison.workspaces)}"
    since = f"{_reference(release, comparison)}{where}"
    if comparison.unknown:
        return f"Not compared with {since if comparison.since else f'what is registered{where}'}: {comparison.unknown}."
    if not comparison.since:
        return f"The first version of {release.environment.name}{where}."
    rows = comparison.differences
    if not rows:
        return f"Packages, image, Python and options are those of {since}."
    if not _is_listed(release, comparison):
        own = "; ".join(short(f"{row.name} {row.before or 'none'} → {row.now or 'none'}") for row in rows)
        return f"Only the package of the release differs from {since}: {own}."
    ways = Counter(row.way for row in rows if row.kind in ("package", "conda package"))
    kinds = {row.kind for row in rows}
    counts = [f"{ways[way]} {way}" for way in get_args(Way) if ways[way]]
    other = {"image": "another image", "Python": "another Python", "option": "other options"}
    what = [
        *([f"packages: {', '.join(counts)}"] if counts else []),
        *(told for kind, told in other.items() if kind in kinds),
    ]
    return f"Changed since {since}: {'; '.join(what)}."


def _is_listed(release: Release, comparison: Comparison) -> bool:
    """Tell whether there is more to list than the release's own packages."""
    own = {wheel.project for wheel in release.own}
    return any(row.kind != "package" or row.name not in own for row in comparison.differences)


def _more(comparison: Comparison, indent: str) -> Iterator[str]:
    more = len(comparison.differences) - SHORT
    if more > 0:
        yield f"{indent}and {more} more"


def _reference(release: Release, comparison: Comparison) -> str:
    return f"azureml:{release.environment.name}:{comparison.since}"


def _named(row: Difference) -> str:
    return row.name if row.kind in ("image", "Python", "package") else f"{row.kind} {row.name}"


def _version(text: str) -> str:
    return cell(short(text))
