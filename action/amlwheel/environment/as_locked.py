"""A solution that takes every package from the team's own lock: what is compared with it, before and after."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from ..errors.base import Several, StepError, together
from ..errors.declared import NotTaken
from ..errors.environment import NoWheel, Unsatisfiable
from ..errors.team_lock import LockNotForImage, LockNotHeld, LockStale
from ..model.environment import Python
from ..model.lock import Sdist
from ..model.team_lock import Locked, TeamLock
from ..model.wheel import Pin, Wheel
from .requirements import Requirements, applies
from .solver import edges

Need = tuple[str, SpecifierSet | None]
_SHOWN = 5  # names in a warning


def check(team: TeamLock, needs: Requirements, grouped: Sequence[Requirement]) -> None:
    """Raise LockStale where the lock was made for other requirements than those of our wheels and of their groups.

    Raises NotTaken where a requirement of the user's contradicts the lock.
    """
    for wheel in needs.wheels:
        if wheel.project in team.requires:
            own = (each for each in needs.more if canonicalize_name(each.name) == wheel.project)
            extras = frozenset(canonicalize_name(extra) for each in own for extra in each.extras)
            before = _meaning(team.requires[wheel.project], needs.python, extras, wheel.project)
            _compare(team, wheel.project, before, _meaning(wheel.requires, needs.python, extras, wheel.project))
    if team.grouped is not None:
        before = _meaning(team.grouped, needs.python)
        _compare(team, "the dependency groups", before, _meaning(grouped, needs.python))
    ours = tuple(each for each in needs.more if canonicalize_name(each.name) in needs.own)
    inner = [*Requirements(needs.wheels, ours, needs.python).applicable, *grouped]
    inner = [each for each in inner if applies(each, needs.python) and canonicalize_name(each.name) not in needs.own]
    lacking = sorted({canonicalize_name(each.name) for each in inner} - team.packages.keys() - team.outside)
    if lacking:
        raise LockStale(f"{team.label} doesn't have {', '.join(lacking)}, which the project requires.", fix=team.again)
    stale = [each for each in inner if not _allows(team, each)]
    if stale:
        raise _contradicted(team, stale[0])
    outer = [each for each in (*needs.more, *needs.constraints) if applies(each, needs.python)]
    problems: list[StepError] = [_not_taken(team, each) for each in outer if not _allows(team, each)]
    if problems:
        raise together(problems)


def _compare(team: TeamLock, whose: str, before: set[Need], found: set[Need]) -> None:
    """Compare what the lock was made for with what is required now, by what both mean in the image."""
    elsewhere = {name for name, specifier in before if specifier is None}
    now = {(name, None if name in elsewhere else specifier) for name, specifier in found}
    if before != now:
        told = [f"{_told(each)} is new" for each in sorted(now - before, key=str)]
        told += [f"{_told(each)} is gone" for each in sorted(before - now, key=str)]
        raise LockStale(f"{team.label} was made for other requirements of {whose}: {', '.join(told)}.", fix=team.again)


def _meaning(
    requires: Sequence[Requirement], python: Python, extras: frozenset[str] = frozenset(), own: str = ""
) -> set[Need]:
    """Return what is required with `extras`, also of those that an extra names; None for what comes from no index."""
    found = [each for each in requires if applies(each, python, extras)]
    more = {canonicalize_name(extra) for each in found if canonicalize_name(each.name) == own for extra in each.extras}
    if more - extras:
        return _meaning(requires, python, extras | more, own)
    return {
        (_named(each), None if each.url else each.specifier) for each in found if canonicalize_name(each.name) != own
    }


def _named(requirement: Requirement) -> str:
    extras = ",".join(sorted(map(canonicalize_name, requirement.extras)))
    return canonicalize_name(requirement.name) + (f"[{extras}]" if extras else "")


def _told(need: Need) -> str:
    return f"{need[0]}{need[1] or ''}"


def _allows(team: TeamLock, requirement: Requirement) -> bool:
    """Tell whether a requirement allows the version that the lock has; what isn't in the lock is free."""
    locked = team.packages.get(canonicalize_name(requirement.name))
    return not (locked and locked.version) or requirement.specifier.contains(locked.version, prereleases=True)


def _contradicted(team: TeamLock, requirement: Requirement) -> LockStale:
    locked = team.packages[canonicalize_name(requirement.name)]
    what = f"{team.label} has {locked.name} {locked.version}, and the project requires {requirement}."
    return LockStale(what, **_overridden(team, [locked.name]) or {"fix": team.again})


def _overridden(team: TeamLock, names: Iterable[str]) -> dict[str, str]:
    """Return cause and fix where the lock was told to ignore what packages require."""
    found = sorted(team.overrides.intersection(names))
    if not found:
        return {}
    return {
        "cause": f"override-dependencies of uv has {', '.join(found)}, and pip, which builds the image, knows none.",
        "fix": f"Take {', '.join(found)} out of override-dependencies. {team.again}",
    }


def _not_taken(team: TeamLock, requirement: Requirement) -> NotTaken:
    locked = team.packages[canonicalize_name(requirement.name)]
    return NotTaken(
        f"{requirement} is asked for beside the lock, and {team.label} has {locked.name} {locked.version}.",
        cause="`requirements` or `conda` names another version than the lock, and what the lock has stays as it is.",
        fix=f"Take {requirement} out there; or lock that version, and commit {team.label}.",
    )


def refuse_missing(needs: Requirements, versions: Mapping[str, str], log: str) -> None:
    """Raise LockStale for a package of a solution that the lock should have: one of its own, or we, need it.

    What only `requirements` needs is free: packages beside the lock, and extras of those in it.
    """
    team = needs.team
    if not team:
        return
    locked = (needs.own | team.packages.keys()) - {canonicalize_name(each.name) for each in needs.more if each.extras}
    parents = edges(log, versions)
    for name in sorted(versions.keys() - team.packages.keys() - team.outside - needs.own):
        parent = next((each for each, _ in parents.get(name, []) if each.split()[0] in locked), "")
        if parent:
            raise LockStale(
                f"{team.label} doesn't have {name}, which {parent} requires.",
                cause="The lock was made for another platform or Python, or a part of it was taken out by hand.",
                fix=team.renewed(parent.replace(" ", "==")),
            )


def beside(team: TeamLock, needs: Requirements, grouped: Sequence[Requirement]) -> list[str]:
    """Return what is asked for that the lock doesn't have, and extras of what it has."""
    asked = [each for each in (*needs.more, *needs.constraints) if each not in grouped]
    free = (each for each in asked if each.extras or canonicalize_name(each.name) not in team.packages)
    return [str(each) for each in free if canonicalize_name(each.name) not in needs.own]


def left_out(team: TeamLock, names: Iterable[str]) -> list[str]:
    """Return a warning for what a lock has beside the `names` in use, if it doesn't tell what it was made for."""
    unused = sorted(team.packages.keys() - set(names))
    if team.requires or not unused:
        return []
    more = f" and {len(unused) - _SHOWN} more" if len(unused) > _SHOWN else ""
    told = (
        f"{team.label} also has {', '.join(unused[:_SHOWN])}{more}: not in the environment, since nothing requires it"
    )
    return [f"{told}. Name in `requirements` what belongs there."]


def explained(error: StepError, team: TeamLock, python: Python, beside: Sequence[str] = ()) -> StepError:
    """Return the error that says what the resolver's `error` means for packages that are pinned by the lock.

    What is asked for `beside` the lock is at fault if the lock itself isn't.
    """
    errors = error.errors if isinstance(error, Several) else (error,)
    details = "\n".join(dict.fromkeys(each.details for each in errors))
    words = {*re.findall(r"[a-z0-9][a-z0-9-]*", " ".join([details, *(each.what for each in errors)]))}
    named = [each for name, each in sorted(team.packages.items()) if name in words and each.kind == "index"]
    bare = [each for each in named if not each.wheels]
    if bare:
        return _unfit(team, bare, python, details)
    absent = {*re.findall(r"no version of ([a-z0-9-]+)==", details)}
    gone = [each.pin for each in named if each.name in absent]
    if gone:
        return LockNotHeld(
            f"No index has {', '.join(gone)}, which {team.label} has.",
            cause="The lock was edited by hand, the release was deleted, or it is on an index that isn't asked here.",
            fix=team.renewed(*(each.name for each in named if each.name in absent)),
            details=details,
        )
    if not any(isinstance(each, Unsatisfiable) for each in errors):
        return error  # it names a package that the lock doesn't have
    if beside:
        return NotTaken(
            f"What is asked for beside {team.label} doesn't go with its versions. {errors[0].what}",
            cause="`requirements` or `conda` needs other versions than the lock has, and those stay as they are.",
            fix=f"Take {', '.join(beside)} out there; or make it a requirement of the project. {team.again}",
            details=details,
        )
    return LockStale(
        f"The versions of {team.label} don't go together. {errors[0].what}",
        details=details,
        **_overridden(team, team.overrides) or {"cause": "The lock was edited by hand.", "fix": team.whole},
    )


def _unfit(team: TeamLock, bare: Sequence[Locked], python: Python, details: str) -> StepError:
    """Return the error for packages of which neither the lock nor an index has a wheel for the image."""
    what = _no_wheel(team, bare, python)
    if all(each.sdists for each in bare):
        names = ", ".join(each.name for each in bare)
        fix = f"Set `from-source` to {names}: the step then builds the wheel from the sdist that the lock has."
        return NoWheel(what, fix=fix, details=details)
    return LockNotForImage(
        what,
        cause="That release has no wheel for this Python, and no sdist.",
        fix=f"{team.renewed(*(each.name for each in bare))} Or set `python-version` to one that it has a wheel for.",
        details=details,
    )


def _no_wheel(team: TeamLock, bare: Sequence[Locked], python: Python) -> str:
    shown = ", ".join(f"{each.name} {each.version}" for each in bare)
    return f"{team.label} has no wheel of {shown} for Python {python.minor} on Linux x86-64."


def hold(pins: Sequence[Pin], team: TeamLock, ours: set[str], python: Python) -> tuple[Pin, ...]:
    """Return the pins, each with those of its sha256 that the lock has; `ours` are wheels of this run.

    Raises LockNotHeld where an index has other files, LockNotForImage where the lock has none for the image.
    """
    return tuple(
        _held(pin, team.packages[pin.name], team, python) if pin.name in team.packages.keys() - ours else pin
        for pin in pins
    )


def _held(pin: Pin, locked: Locked, team: TeamLock, python: Python) -> Pin:
    if locked.kind == "index" and not locked.wheels:
        raise LockNotForImage(_no_wheel(team, [locked], python), fix=team.renewed(locked.pin))
    replaced = [each.name for each in pin.files if locked.named.get(each.name, each.sha256) != each.sha256]
    kept = tuple(each for each in pin.sha256 if each in locked.wheels)
    if replaced or not kept:
        found = f"the file {replaced[0]}" if replaced else "files"
        raise LockNotHeld(
            f"{pin.name} {pin.version}: {pin.index or 'the index'} has {found} with another sha256 than {team.label}.",
            fix=f"Find out who changed it. {team.renewed(locked.pin)}",
        )
    return replace(pin, sha256=kept, files=tuple(each for each in pin.files if each.sha256 in kept))


def checked(build: Callable[[Sdist], Wheel], team: TeamLock | None) -> Callable[[Sdist], Wheel]:
    """Return `build`, which then raises LockNotHeld for an sdist that isn't the one of the lock, and builds nothing."""

    def checking(source: Sdist) -> Wheel:
        locked = team.packages.get(source.name) if team else None
        if team and locked and source.file.sha256 not in locked.sdists:
            raise LockNotHeld(
                f"{source.name} {source.version}: the sdist of the index has another sha256 than {team.label}."
                if locked.sdists
                else f"{team.label} has no sdist of {source.name} {source.version}, which `from-source` is to build.",
                fix=f"Find out who changed it. {team.renewed(locked.pin)}",
            )
        return build(source)

    return checking
