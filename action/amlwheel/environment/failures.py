"""What uv's failure means: each cause has an error of its own."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from packaging.utils import canonicalize_name

from ..errors.base import NoNetwork, StepError, together
from ..errors.environment import (
    CacheInTheWay,
    IndexFailed,
    LocalVersionElsewhere,
    NameUnknown,
    NoWheel,
    Unsatisfiable,
    WheelForOtherPython,
)
from ..model import limit
from ..transport import tools
from ..transport.process import Finished
from . import advice
from .advice import PYTHONS, Lacking
from .requirements import Requirements
from .solver import Solver, edges

_MOST = 5  # lines of an explanation that people read


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
    while new := lacking(output) - trial.sdists - useless - _locked_as_wheels(output, solver):
        trial.sdists |= new
        finished = trial.solve("--verbose")
        if without := _without_sdist(finished.output) & new:  # needed by a release of years ago, or never built at all
            useless |= without
            trial.sdists -= without
            finished = trial.solve("--verbose")
        output = finished.output
        if finished.status == 0:
            chosen = set(re.findall(r"^([a-z0-9-]+)==", output, re.MULTILINE))
            return _least((trial.sdists - solver.sdists) & chosen, partial(_solves, solver)), output
    return set(), output


def _locked_as_wheels(output: str, solver: Solver) -> set[str]:
    """Return the packages without a wheel, by uv's hints, whose version in the team's lock has one."""
    locked, python = solver.requirements.locked, solver.requirements.python.exact
    return {name for name in lacking(output) & locked.keys() if solver.has_wheel(f"{name}=={locked[name]}", python)}


def _solves(solver: Solver, sdists: set[str]) -> bool:
    return replace(solver, sdists=solver.sdists | sdists).solve("--quiet").status == 0


def reasons(name: str, finished: Finished, more: str, solver: Solver, floors: Sequence[str]) -> set[str]:
    """Return the packages for want of whose files there is no solution that has `more`, a newer release of `name`.

    uv's hints name every package without a wheel that it came across, also for releases of years ago. So it is tried
    out: if nothing required them, there would be a solution. Nothing is returned if there still wouldn't be any.
    """
    if name in _without_file(finished.output):
        return {name}

    def solved(names: set[str]) -> Finished:
        trial = replace(solver, absent=frozenset(names))
        return trial.solve("--verbose", more=[more], floors=floors)

    absent = set[str]()
    while finished.status and (new := _without_file(finished.output) - absent):
        absent |= new
        finished = solved(absent)
    return _least(absent, lambda names: solved(names).status == 0) if finished.status == 0 else set()


def _without_file(output: str) -> set[str]:
    """Return the names of the packages of which uv found no file of the kind that it was to take."""
    return lacking(output) | _without_sdist(output)


def _without_sdist(output: str) -> set[str]:
    """Return the names of the packages that have no sdist either, by uv's words."""
    text = explanation(output)
    hints = re.findall(r"source distribution is required for `([a-z0-9-]+)`", text)
    return {*hints, *re.findall(r"([a-z0-9-]+)\S* ha(?:s|ve) no source distribution", text)}


def _least(names: set[str], solves: Callable[[set[str]], bool]) -> set[str]:
    """Return those of `names` without which nothing is solved: the others have files that will do."""
    needed = set(names)
    for name in sorted(names) if len(names) > 1 else ():
        rest = needed - {name}
        if solves(rest):
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
    if "is inside the cache directory" in text:
        return CacheInTheWay("uv resolves no requirements inside its own cache.", details=text[-2000:])
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
    found = [lack(name, output, solver) for name in sorted(needed | bare)]
    found = [replace(each, version="") if each.name in bare and not each.pythons else each for each in found]
    if true := [each for each in found if not each.fits(solver.requirements.python.minor)]:
        return without_wheels(true, text, solver.requirements)
    other = _elsewhere(output_then, solver) or _unpublished(then, solver)
    return other or Unsatisfiable(_reason(then), details=text[-6000:])


def lack(name: str, output: str, solver: Solver, own: str = "") -> Lacking:
    """Return what is known about a package of which no file fits: its newest release, for whom, for what Python.

    The newest is that of its `own` specifier, else of the user's, else of the first package that requires it.
    """
    direct = {str(canonicalize_name(each.name)): str(each.specifier) for each in solver.requirements.applicable}
    by_user = ("", own or direct.get(name, ""))
    parent, specifier = by_user if own or name in direct else next(iter(edges(output).get(name, [])), by_user)
    version = solver.newest({name: [specifier]}).get(name, "")
    asked = f"{name}=={version}" if version else f"{name}{specifier}"
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        sdist = pool.submit(solver.has_sdist, name, asked)
        fitting = [*pool.map(partial(solver.has_wheel, asked), PYTHONS)]
    pythons = tuple(python for python, fits in zip(PYTHONS, fitting, strict=True) if fits)
    return Lacking(name, version, specifier, parent, pythons, bool(solver.homes.label(name)), sdist.result())


def without_wheels(lacks: Iterable[Lacking], details: str, requirements: Requirements) -> StepError:
    """Return the error for packages that have no wheel at all, or only one for other Pythons."""
    lacks = list(lacks)
    details = details[-6000:]
    errors: list[StepError] = []
    if nowhere := [each for each in lacks if each.version and not each.pythons]:
        told = f"No wheel that fits exists of {', '.join(map(str, nowhere))}."
        errors.append(NoWheel(told, fix=advice.from_source(nowhere, requirements), details=details))
    errors += [
        Unsatisfiable(
            f"No file of {each} fits the environment, neither a wheel nor an sdist.",
            cause="That release was made for other Pythons or other systems.",
            fix=f"Require another version of {each.name}.",
            details=details,
        )
        for each in lacks
        if not each.version and not each.pythons
    ]
    if elsewhere := [each for each in lacks if each.pythons]:
        told = "; ".join(f"{each} has wheels for Python {', '.join(each.pythons)}" for each in elsewhere)
        errors.append(
            WheelForOtherPython(
                f"{told}, and none for that of the environment.",
                fix=advice.for_python(elsewhere, requirements)
                or f"Require versions of {', '.join(each.name for each in elsewhere)} that have wheels for one Python "
                "that your package takes.",
                details=details,
            )
        )
    return together(errors)


def _unknown(found: list[str], solver: Solver, output: str) -> StepError:
    asked = (
        "the feed" if solver.sources.only else "the public index or the feed" if solver.sources.feed else "the index"
    )
    deep = set(found) - solver.requirements.direct
    needed = {name: parent for name in deep for parent, _ in edges(output).get(name, [])}
    shown = ", ".join(f"{name} (which {needed[name]} requires)" if name in needed else name for name in found)
    return NameUnknown(f"No package of the name {shown} is on {asked}.", details=explanation(output)[-3000:])


def _unpublished(text: str, solver: Solver) -> StepError | None:
    """Return the error for what we or our wheels require and no release satisfies; uv's `text` says where to look."""
    words = r"(?:no versions? of|[Bb]ecause only(?: the following versions of)?) ([a-z0-9-]+)"
    named = set() if "Python" in text else set(re.findall(words, text))  # another Python may have such a release
    asked = [(canonicalize_name(each.name), str(each.specifier)) for each in solver.requirements.applicable]
    absent = [(name, each) for name, each in asked if each and name in named and not solver.newest({name: [each]})]
    newest = solver.newest({name: [""] for name, _ in absent})
    told = [f"{name}{each} (the newest is {newest[name]})" for name, each in absent if name in newest]
    if not told:
        return None
    return Unsatisfiable(
        f"No index has a release for {', '.join(told)}.",
        cause="The version is misspelt, was deleted, or hasn't been published yet.",
        fix="Require a release that exists, or publish the one that is meant first.",
        details=text[-3000:],
    )


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
