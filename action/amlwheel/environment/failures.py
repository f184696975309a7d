"""What uv's failure means: each cause has an error of its own."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from ..errors.base import NoNetwork, StepError, together
from ..errors.environment import (
    IndexFailed,
    LocalVersionElsewhere,
    NameUnknown,
    NoWheel,
    Unsatisfiable,
    WheelForOtherPython,
)
from ..transport import tools
from .solver import Solver, edges

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The Pythons that are asked about where the image's own has no wheel: those of `python-version`."""
_MOST = 12  # lines of an explanation that people read


@dataclass(frozen=True)
class Lacking:
    """A release that has no wheel that fits: `parent` requires it (`NAME VERSION`, empty: the user does).

    `version` is empty if no release has the form that is asked for; `pythons` are those for which it has a wheel.
    """

    name: str
    version: str
    parent: str
    pythons: tuple[str, ...]

    def __str__(self) -> str:
        """Return the release, and who requires it, for people."""
        return f"{self.name} {self.version}".strip() + (f" (which {self.parent} requires)" if self.parent else "")


def explanation(output: str) -> str:
    """Return uv's explanation alone, without its log."""
    kept = [line for line in output.splitlines() if not re.match(r"(DEBUG|TRACE|INFO) ", line)]
    text = "\n".join(kept)
    return text[max(text.find("No solution found"), 0) :]


def names(output: str) -> set[str]:
    """Return whatever may be a name in uv's explanation."""
    return set(re.findall(r"[a-z0-9][a-z0-9-]*", explanation(output)))


def lacking(output: str) -> set[str]:
    """Return the names of the packages without a wheel that fits, by uv's hints."""
    return set(re.findall(r"heels (?:are required )?for `([a-z0-9-]+)`", explanation(output)))


def yanked(output: str, solver: Solver) -> set[str]:
    """Return the yanked versions (`NAME==VERSION`) that only their exact pin excludes: uv says they have no wheel."""
    pins = re.findall(r"([a-z0-9-]+)==([^\s,*]+) has no usable wheels", explanation(output))
    python = solver.requirements.python.exact
    return {f"{name}=={version}" for name, version in pins if solver.has_wheel(f"{name}=={version}", python)}


def error(output: str, solver: Solver) -> StepError:
    """Return the error for uv's `output`."""
    text = explanation(output)
    host = tools.unreachable(text)
    if host:
        return NoNetwork(host, text[-2000:])
    failed = re.search(r"HTTP status (?:server|client) error \((\d+)|lack of valid authentication credentials", text)
    if failed:
        return IndexFailed(f"An index answered {failed[1] or 401} while the lock was resolved.", details=text[-3000:])
    if unknown := sorted(set(re.findall(r"([a-z0-9-]+) was not found in the package registry", text))):
        return _unknown(unknown, solver, text)
    if local := sorted(set(re.findall(r"no version of ([a-z0-9-]+)==(\S+\+[\w.]+)", text))):
        return _local(local, text)
    if lacking(output):
        found = [lack(name, output, solver) for name in sorted(lacking(output))]
        return without_wheels([each for each in found if each.version] or found, text)
    return Unsatisfiable(_reason(text), details=text[-6000:])


def lack(name: str, output: str, solver: Solver) -> Lacking:
    """Return what is known about a package without a wheel that fits: its newest release, for whom, for what Python."""
    direct = {str(canonicalize_name(each.name)): str(each.specifier) for each in solver.requirements.applicable}
    parent, specifier = next(iter(edges(output).get(name, [])), ("", direct.get(name, "")))
    version = solver.newest({name: [specifier]}).get(name, "")
    asked = f"{name}=={version}" if version else f"{name}{specifier}"
    return Lacking(name, version, parent, tuple(each for each in PYTHONS if solver.has_wheel(asked, each)))


def without_wheels(lacks: Iterable[Lacking], details: str) -> StepError:
    """Return the error for packages that have no wheel at all, or only one for other Pythons."""
    lacks = list(lacks)
    nowhere = [each for each in lacks if not each.pythons]
    errors: list[StepError] = []
    if nowhere:
        errors.append(
            NoWheel(
                f"No wheel that fits exists of {', '.join(map(str, nowhere))}.",
                fix=from_source(nowhere),
                details=details[-6000:],
            )
        )
    errors += [
        WheelForOtherPython(
            f"{each} has wheels for Python {', '.join(each.pythons)}, and none for that of the environment.",
            fix=f"Set `python-version` to {each.pythons[-1]}.",
            details=details[-6000:],
        )
        for each in lacks
        if each.pythons
    ]
    return together(errors)


def from_source(lacks: Iterable[Lacking]) -> str:
    """Return the fix for packages without a wheel: the line of `from-source`."""
    return f"Set `from-source` to {', '.join(sorted({each.name for each in lacks}))}: the step then builds the wheel."


def _unknown(found: list[str], solver: Solver, text: str) -> StepError:
    asked = (
        "the feed" if solver.sources.only else "the public index or the feed" if solver.sources.feed else "the index"
    )
    needed = {name: parent for name in found for parent, _ in edges(text).get(name, [])}
    shown = ", ".join(f"{name} (which {needed[name]} requires)" if name in needed else name for name in found)
    return NameUnknown(f"No package of the name {shown} is on {asked}.", details=text[-3000:])


def _local(found: list[tuple[str, str]], text: str) -> StepError:
    shown = ", ".join(f"{name} {version}" for name, version in found)
    backend = found[0][1].partition("+")[2]
    return LocalVersionElsewhere(
        f"{shown} is a local version, which the indexes that were asked don't have.",
        fix=f"Name its index: set `torch-backend` to {backend} for PyTorch, or a line `URL {found[0][0]}` in "
        "`package-indexes`.",
        details=text[-3000:],
    )


def _reason(text: str) -> str:
    """Return the end of uv's explanation, which says what contradicts what."""
    lines = [line.strip() for line in text.partition("cause:")[2].partition("hint:")[0].splitlines() if line.strip()]
    return f"uv found no set of versions: {' '.join(lines[-_MOST:])}" if lines else "uv found no set of versions."
