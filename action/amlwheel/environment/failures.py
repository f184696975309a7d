"""What uv's failure means: each cause has an error of its own."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

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
from ..model import limit
from ..transport import tools
from .solver import Solver, edges

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The Pythons that are asked about where the image's own has no wheel: those of `python-version`."""
_MOST = 5  # lines of an explanation that people read


@dataclass(frozen=True)
class Lacking:
    """A release that has no wheel that fits: `parent` requires it (`NAME VERSION`, empty: the user does).

    `version` is empty if nothing can be built either, for `asked` (a specifier); `pythons` are those that have a wheel.
    `private`: an index of its own serves it, so it isn't the public package of its name.
    """

    name: str
    version: str
    asked: str
    parent: str
    pythons: tuple[str, ...]
    private: bool = False

    @property
    def label(self) -> str:
        """The release for people."""
        return f"{self.name} {self.version or self.asked.removeprefix('==')}".strip()

    def __str__(self) -> str:
        """Return the release, and who requires it, for people."""
        return self.label + (f" (which {self.parent} requires)" if self.parent else "")


def explanation(output: str) -> str:
    """Return uv's explanation alone, without its log."""
    kept = [line for line in output.splitlines() if not re.match(r"(DEBUG|TRACE|INFO) ", line)]
    text = "\n".join(kept)
    return text[max(text.find("No solution found"), 0) :]


def lacking(output: str) -> set[str]:
    """Return the names of the packages without a wheel that fits, by uv's hints."""
    return set(re.findall(r"heels (?:are (?:required|available) )?for `([a-z0-9-]+)`", explanation(output)))


def missing(output: str, solver: Solver) -> tuple[set[str], str]:
    """Return the packages whose sdists would make a solution possible; none, and what uv says, if they wouldn't.

    uv's hints name every package without a wheel that it came across, also in releases of years ago. So it is tried out
    which of them a solution would need; what they require isn't known yet.
    """
    trial, useless = replace(solver, sdists=set(solver.sdists)), set[str]()
    while new := lacking(output) - trial.sdists - useless:
        trial.sdists |= new
        finished = trial.solve("--verbose")
        if without := _without_sdist(finished.output) & new:  # needed by a release of years ago, or never built at all
            useless |= without
            trial.sdists -= without
            finished = trial.solve("--verbose")
        output = finished.output
        if finished.status == 0:
            chosen = set(re.findall(r"^([a-z0-9-]+)==", output, re.MULTILINE))
            return _least((trial.sdists - solver.sdists) & chosen, solver), output
    return set(), output


def buildable(names: set[str], solver: Solver) -> set[str]:
    """Return those of `names` that have an sdist: the others are named by uv because old releases need them."""
    trial = replace(solver, sdists=solver.sdists | names)
    return names - _without_sdist(trial.solve("--quiet").output) if names else names


def _without_sdist(output: str) -> set[str]:
    """Return the names of the packages that have no sdist either, by uv's words."""
    text = explanation(output)
    hints = re.findall(r"source distribution is required for `([a-z0-9-]+)`", text)
    return {*hints, *re.findall(r"([a-z0-9-]+)\S* ha(?:s|ve) no source distribution", text)}


def _least(names: set[str], solver: Solver) -> set[str]:
    """Return those of `names` without whose sdists there is no solution: the others have wheels that will do."""
    needed = set(names)
    for name in sorted(names) if len(names) > 1 else ():
        rest = needed - {name}
        if replace(solver, sdists=solver.sdists | rest).solve("--quiet").status == 0:
            needed = rest
    return needed


def yanked(output: str, solver: Solver) -> set[str]:
    """Return the yanked versions (`NAME==VERSION`) that uv excludes, if pip takes them.

    Of one that has an sdist, too, uv says that it has no wheel.
    """
    pins = re.findall(r"([a-z0-9-]+)==([^\s,*]+) (?:has no usable wheels|was yanked)", explanation(output))
    python = solver.requirements.python.exact
    return {f"{name}=={version}" for name, version in pins if solver.has_wheel(f"{name}=={version}", python)}


def error(output: str, solver: Solver) -> StepError:
    """Return the error for uv's `output`."""
    text = explanation(output)
    return _index_failed(text) or _too_late(output, solver) or _without_wheels(output, solver)


def _too_late(output: str, solver: Solver) -> StepError | None:
    """Return the error for requirements that only later uploads than the limit satisfy.

    It is tried out whether there is a solution without a limit for the packages of which uv finds no version or wheel.
    With a limit that is later than all of its files there is one as well.
    """
    text, trial = explanation(output), replace(solver, untimed=set(solver.untimed))
    while solver.sources.until and (new := (lacking(output) | _limited(output)) - trial.untimed):
        trial.untimed |= new
        finished = trial.solve("--verbose", *trial.pylock)
        if finished.status == 0:
            late = limit.late(trial.packages(), solver.sources.until)
            return limit.too_late("the environment", late, solver.sources.until, text[-3000:]) if late else None
        output = finished.output
    return None


def _limited(output: str) -> set[str]:
    """Return the names of which uv says, or may mean, that the limit leaves no version: not every time has a hint."""
    text = explanation(output)
    hints = re.findall(r"`([a-z0-9-]+)` was filtered by `exclude-newer`", text)
    return {*hints, *re.findall(r"(?:no versions? of|[Bb]ecause only) ([a-z0-9-]+)", text)}


def _index_failed(text: str) -> StepError | None:
    host = tools.unreachable(text)
    if host:
        return NoNetwork(host, text[-2000:])
    failed = re.search(r"HTTP status (?:server|client) error \((\d+)|lack of valid authentication credentials", text)
    if failed:
        return IndexFailed(f"An index answered {failed[1] or 401} while the lock was resolved.", details=text[-3000:])
    return None


def _elsewhere(output: str, solver: Solver) -> StepError | None:
    text = explanation(output)
    if unknown := sorted(set(re.findall(r"([a-z0-9-]+) was not found in the package registry", text))):
        return _unknown(unknown, solver, output)
    if local := sorted(set(re.findall(r"no version of ([a-z0-9-]+)==(\S+\+[\w.]+)", text))):
        return _local(local, text)
    return None


def _without_wheels(output: str, solver: Solver) -> StepError:
    """Return the error for packages without a wheel if that alone prevents a solution, else for what remains then."""
    needed, output_then = missing(output, solver)
    text, then = explanation(output), explanation(output_then)
    bare = lacking(output_then)  # what has no sdist, either
    lacks = [lack(name, output, solver) for name in sorted(needed | bare)]
    lacks = [replace(each, version="") if each.name in bare and not each.pythons else each for each in lacks]
    if true := [each for each in lacks if solver.requirements.python.minor not in each.pythons]:
        return without_wheels(true, text)
    return _elsewhere(output_then, solver) or Unsatisfiable(_reason(then), details=text[-6000:])


def lack(name: str, output: str, solver: Solver) -> Lacking:
    """Return what is known about a package without a wheel that fits: its newest release, for whom, for what Python."""
    direct = {str(canonicalize_name(each.name)): str(each.specifier) for each in solver.requirements.applicable}
    parent, specifier = ("", direct[name]) if name in direct else next(iter(edges(output).get(name, [])), ("", ""))
    version = solver.newest({name: [specifier]}).get(name, "")
    asked = f"{name}=={version}" if version else f"{name}{specifier}"
    pythons = tuple(each for each in PYTHONS if solver.has_wheel(asked, each))
    return Lacking(name, version, specifier, parent, pythons, bool(solver.homes.label(name)))


def without_wheels(lacks: Iterable[Lacking], details: str) -> StepError:
    """Return the error for packages that have no wheel at all, or only one for other Pythons."""
    lacks = list(lacks)
    nowhere = [each for each in lacks if each.version and not each.pythons]
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
        Unsatisfiable(
            f"No file of {each} fits the environment, neither a wheel nor an sdist.",
            cause="That release was made for other Pythons or other systems.",
            fix=f"Require another version of {each.name}.",
            details=details[-6000:],
        )
        for each in lacks
        if not each.version and not each.pythons
    ]
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
    """Return the fix for packages without a wheel: the line of `from-source`; of private ones somebody has the code."""
    names = {private: sorted({each.name for each in lacks if each.private == private}) for private in (False, True)}
    build = f"Set `from-source` to {', '.join(names[False])}: the step then builds the wheel."
    publish = f"Publish a wheel of {', '.join(names[True])} that fits, to the index that has it."
    return " ".join([*([build] if names[False] else []), *([publish] if names[True] else [])])


def _unknown(found: list[str], solver: Solver, output: str) -> StepError:
    asked = (
        "the feed" if solver.sources.only else "the public index or the feed" if solver.sources.feed else "the index"
    )
    deep = set(found) - solver.requirements.direct
    needed = {name: parent for name in deep for parent, _ in edges(output).get(name, [])}
    shown = ", ".join(f"{name} (which {needed[name]} requires)" if name in needed else name for name in found)
    return NameUnknown(f"No package of the name {shown} is on {asked}.", details=explanation(output)[-3000:])


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
    told = " ".join(lines[-_MOST:]).replace("amlwheel-lock depends on", "you require")
    return f"uv found no set of versions: {told}" if told else "uv found no set of versions."
