"""What the rounds tell: medians, ratios beside their goals, stages; as text, as Markdown, and as a plot."""

import html
import os
import pathlib
import platform
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .measure import Spent
from .rows import ROWS

Rounds = Mapping[str, Mapping[float, Sequence[Spent]]]
"""What each row took, by its name and by the latency in milliseconds, round by round."""
BEGIN, END = "<!-- scripts/bench --write -->", "<!-- end of scripts/bench -->"
STAGED = ("warm", "unchanged", "sdk-v1", "workspaces-50", "packages-50")
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2")


def median(
    rounds: Rounds, row: str, latency: float, of: Callable[[Spent], float] = lambda spent: spent.seconds
) -> float:
    """Return the median of what a row took."""
    return statistics.median(map(of, rounds[row][latency]))


def waits(rounds: Rounds, row: str) -> float | None:
    """Return how many answers a row waits for, one after the other: what a longer latency adds to it, by the latency.

    Rounds are compared one by one, since a machine is faster in one than in another.
    """
    low, high = min(rounds[row]), max(rounds[row])
    pairs = zip(rounds[row][low], rounds[row][high], strict=True)
    return None if low == high else statistics.median((b.seconds - a.seconds) / (high - low) * 1000 for a, b in pairs)


@dataclass(frozen=True)
class Goal:
    """Something that has to be shown: what, of which kind, for which rows, and the limit: at `least`, or at most."""

    what: str
    kind: str
    rows: tuple[str, ...]
    limit: float
    least: bool = False

    def value(self, rounds: Rounds) -> float | None:
        """Return what was measured, at the longest latency; None where a row is missing, or a second latency."""
        if not {*self.rows} <= {*rounds}:
            return None
        latency = max(rounds[self.rows[0]])
        first, last = (median(rounds, row, latency) for row in (self.rows[0], self.rows[-1]))
        values: Mapping[str, Callable[[], float | None]] = {
            "beside": lambda: first / last,
            "share": lambda: first / last / int(self.rows[0].rpartition("-")[2]),
            "beyond": lambda: first - last - 4 * latency / 1000,
            "waits": lambda: waits(rounds, self.rows[0]),
            "peak": lambda: median(rounds, self.rows[0], latency, lambda spent: spent.peak),
        }
        return values[self.kind]()


GOALS = (
    Goal("the article cold, beside the step cold", "beside", ("article-cold", "cold"), 6, least=True),
    Goal("the article warm, beside the step's second run", "beside", ("article-warm", "second"), 2, least=True),
    Goal("the article warm, beside the step later", "beside", ("article-warm", "warm"), 2, least=True),
    Goal("the article warm, beside verify: none", "beside", ("article-warm", "verify-none"), 3, least=True),
    Goal("the article with an sdist, beside the step later", "beside", ("article-sdist", "warm"), 2, least=True),
    Goal("the article with an sdist, beside verify: none", "beside", ("article-sdist", "verify-none"), 3, least=True),
    Goal("azure-ai-ml cold, beside the step cold", "beside", ("article-ml-cold", "cold"), 6, least=True),
    Goal("azure-ai-ml warm, beside the step later", "beside", ("article-ml-warm", "warm"), 2, least=True),
    Goal("seconds of nothing to do beyond the backend and 4 answers", "beyond", ("unchanged", "backend"), 1.2),
    Goal("10 workspaces beside 1", "beside", ("workspaces-10", "workspaces-1"), 2),
    Goal("50 workspaces beside 1", "beside", ("workspaces-50", "workspaces-1"), 2),
    Goal("200 workspaces beside 1", "beside", ("workspaces-200", "workspaces-1"), 5),
    Goal("10 packages beside 10 times 1", "share", ("packages-10", "packages-1"), 1),
    Goal("50 packages beside 50 times 1", "share", ("packages-50", "packages-1"), 0.25),
    Goal("answers that a first release waits for, one after the other", "waits", ("warm",), 10),
    Goal("answers that are waited for with nothing to do", "waits", ("unchanged",), 4),
    Goal("MB of memory with 1 workspace", "peak", ("warm",), 100),
    Goal("MB of memory with 50 workspaces", "peak", ("workspaces-50",), 100),
)


def goals(rounds: Rounds) -> list[list[str]]:
    """Return each goal with its limit, what was measured, and whether it is reached, for whatever was measured."""
    lines = [["goal", "limit", "measured", "reached"]]
    for goal in GOALS:
        value = goal.value(rounds)
        if value is not None:
            reached = value >= goal.limit if goal.least else value <= goal.limit
            limit = f"at {'least' if goal.least else 'most'} {goal.limit:g}"
            lines.append([goal.what, limit, f"{value:.2f}", "yes" if reached else "no"])
    return lines if lines[1:] else []


def table(rounds: Rounds) -> list[list[str]]:
    """Return the rows as cells: medians by latency with the range, processor time, memory, answers waited for."""
    latencies = list(next(iter(rounds.values()), {}))
    head = ["", *(f"{each:g} ms" for each in latencies), "processor", "memory", "waits"]
    lines = [head]
    for name, by_latency in rounds.items():
        most = max(by_latency)
        cells = [f"{median(rounds, name, each):.2f} s ({_range(by_latency[each])})" for each in by_latency]
        peak, waited = median(rounds, name, most, lambda spent: spent.peak), waits(rounds, name)
        ours = peak and name in ROWS and "step" in ROWS[name].label
        cells.append(f"{median(rounds, name, most, lambda spent: spent.processor):.1f} s")
        cells += [f"{peak:.0f} MB" if ours else "", "" if waited is None else f"{waited:.1f}"]
        lines.append([ROWS[name].label, *cells])
    return lines


def _range(runs: Sequence[Spent]) -> str:
    seconds = [each.seconds for each in runs]
    return f"{min(seconds):.2f} to {max(seconds):.2f}"


def stages(rounds: Rounds) -> list[list[str]]:
    """Return the seconds of each stage, for the rows that are named in STAGED, at the longest latency."""
    shown = [name for name in STAGED if name in rounds]
    latency = max(next(iter(rounds.values())), default=0)
    runs = {name: rounds[name][latency] for name in shown}
    known = dict.fromkeys(stage for each in runs.values() for run in each for stage in run.stages)
    lines = [["stage", *(ROWS[name].label for name in shown)]]
    for stage in known:
        found = ([run.stages[stage] for run in each if stage in run.stages] for each in runs.values())
        lines.append([stage, *(f"{statistics.median(each):.1f} s" if each else "" for each in found)])
    return lines if shown else []


def text(rounds: Rounds) -> str:
    """Return everything for a terminal."""
    parts = [table(rounds), stages(rounds), goals(rounds)]
    return "\n\n".join("\n".join(_aligned(part)) for part in parts if part)


def _aligned(lines: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def markdown(rounds: Rounds, command: str) -> str:
    """Return everything as Markdown."""
    count = max(len(runs) for each in rounds.values() for runs in each.values())
    where = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    said = (
        f"Medians of {count} rounds, in turn, in one run of `{command}` ({where}), with the range. "
        "Each answer of Azure takes so many milliseconds in addition; processor time and memory are those of the "
        "longest. Memory is that of the step's own process. Waits are the answers that are waited for one after the "
        "other, from the slope."
    )
    parts = [table(rounds), goals(rounds), stages(rounds)]
    return "\n\n".join([said, "![The same as bars](performance.svg)", *(_markdown(each) for each in parts if each)])


def _markdown(lines: list[list[str]]) -> str:
    head, *rest = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, f"|{'---|' * len(lines[0])}", *rest])


def plot(rounds: Rounds) -> str:
    """Return the medians as bars, an SVG."""
    bars = [(name, each, median(rounds, name, each)) for name, runs in rounds.items() for each in runs]
    latencies = list(next(iter(rounds.values())))
    scale = 420 / max(value for *_, value in bars)
    height = 16 * len(bars) + 30
    drawn = []
    for number, (name, latency, value) in enumerate(bars):
        y, colour = 24 + 16 * number, COLOURS[latencies.index(latency) % len(COLOURS)]
        if latency == latencies[0]:
            drawn.append(f'<text x="348" y="{y + 10}" text-anchor="end">{html.escape(ROWS[name].label)}</text>')
        drawn.append(f'<rect x="354" y="{y}" width="{value * scale:.1f}" height="13" fill="{colour}"/>')
        drawn.append(f'<text x="{358 + value * scale:.1f}" y="{y + 10}">{value:.1f} s</text>')
    legend = [
        f'<text x="{354 + 90 * number}" y="14" fill="{COLOURS[number % len(COLOURS)]}">{each:g} ms</text>'
        for number, each in enumerate(latencies)
    ]
    size = f'width="840" height="{height}" font-family="sans-serif" font-size="11"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *legend, *drawn, "</svg>", ""])


def write(folder: pathlib.Path, rounds: Rounds, command: str) -> None:
    """Put the Markdown between its marks in performance.md, else at the end, and the plot beside it."""
    page = folder / "performance.md"
    old = page.read_text("utf-8") if page.exists() else "# Performance\n"
    new = f"{BEGIN}\n\n{markdown(rounds, command)}\n\n{END}"
    if BEGIN in old:
        changed = re.sub(rf"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: new, old, flags=re.DOTALL)
    else:
        changed = f"{old.rstrip()}\n\n## Beside the article's own sequence\n\n{new}\n"
    page.write_text(changed, "utf-8")
    (folder / "performance.svg").write_text(plot(rounds), "utf-8")
