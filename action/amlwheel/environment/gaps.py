"""Whether a package is locked at an older version than is allowed, and why: for want of a wheel, never in silence."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from ..errors.environment import OlderVersion
from . import advice, failures
from .advice import Lacking
from .requirements import Requirements
from .solver import Solver, edges

_MOST = 20  # gaps that are looked into, what the user requires first; more of them have one reason


@dataclass(frozen=True)
class Gap:
    """A package that is locked at `locked`, although `newest` is allowed: for want of `lacks`, or of no conflict.

    They have no wheel that fits, or (`want`) no sdist, if they are to be built. `holders` are packages of the solution
    (`NAME VERSION`) that exclude the newest.
    """

    name: str
    locked: str
    newest: str
    direct: bool
    lacks: tuple[Lacking, ...] = ()
    want: str = "wheel that fits"
    holders: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the sentence for people, without its dot."""
        told = f"{self.name} {self.locked} in place of {self.newest}"
        if not self.lacks:
            verb = "excludes" if len(self.holders) == 1 else "exclude"
            return f"{told}, which {' and '.join(self.holders) or 'other requirements'} {verb}"
        shown = " and ".join(each.label for each in self.lacks)
        return f"{told}, because {shown} {'has' if len(self.lacks) == 1 else 'have'} no {self.want}"

    @property
    def older(self) -> str:
        """The requirement with which the older version is meant."""
        return f"{self.name}<={self.locked.partition('+')[0]}"


@dataclass(frozen=True)
class Gaps:
    """The gaps of a solution of `requirements`."""

    all: tuple[Gap, ...]
    requirements: Requirements

    @property
    def buildable(self) -> set[str]:
        """The names of the packages for want of whose wheels something is older, and that have an sdist."""
        return {each.name for gap in self.all for each in gap.lacks if each.sdist}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What happened to packages that nobody named: the user may never have heard of them."""
        told = (gap for gap in self.all if gap.lacks and not gap.direct)
        return tuple(f"{gap}. {self._fix([gap])}" for gap in told)

    @property
    def notes(self) -> tuple[str, ...]:
        """Ordinary gaps."""
        return tuple(str(gap) for gap in self.all if not gap.lacks)

    def refuse(self) -> None:
        """Raise OlderVersion if a requirement of the user's is older for want of a wheel."""
        silent = [gap for gap in self.all if gap.lacks and gap.direct]
        if silent:
            raise OlderVersion(f"{'; '.join(map(str, silent))}.", fix=self._fix(silent))

    def _fix(self, gaps: Sequence[Gap]) -> str:
        """Return how to get the newest of as many as possible; the others are to be required as they are locked."""
        mended: list[Lacking] = []
        kept: list[Gap] = []
        for gap in gaps:
            if advice.newer([*mended, *gap.lacks], self.requirements):
                mended += gap.lacks
            else:
                kept.append(gap)
        newer = advice.newer(mended, self.requirements) if mended else ""
        lacks = [each for gap in kept for each in gap.lacks]
        older = advice.older([gap.older for gap in kept], lacks, self.requirements) if kept else ""
        return f"{newer} {older}".strip()


def find(solver: Solver, versions: Mapping[str, str], log: str) -> Gaps:
    """Return the gaps of a solution (`versions` by name), which uv reached as its `log` says.

    What is allowed is what the solution's own packages and the user ask for; of a requirement of the user's, what he
    asks for alone. Costs one or two runs of uv, which has the index's pages by then, and one more for most gaps.
    """
    chosen = solver.requirements.own | solver.requirements.locked.keys()  # by the team itself
    by = edges(log, versions)
    asked: dict[str, list[str]] = {}
    for each in solver.requirements.applicable:
        if not each.url:  # one file and no other
            asked.setdefault(canonicalize_name(each.name), []).append(str(each.specifier))
    needs = {name: [*(each for _, each in by.get(name, [])), *asked.get(name, [])] for name in by.keys() | asked.keys()}
    open_to = {name: each for name, each in needs.items() if name in versions and name not in chosen}
    theirs = {
        name: asked[name] for name in open_to.keys() & asked.keys() if any(bound for _, bound in by.get(name, []))
    }
    with ThreadPoolExecutor() as pool:
        newest, wanted = pool.map(solver.newest, (open_to, theirs))
    older = [
        Gap(name, versions[name], version, direct=name in solver.requirements.direct)
        for name, version in newest.items()
        if Version(versions[name]) < Version(version)
    ]
    older.sort(key=lambda gap: not gap.direct)
    names = {gap.name for gap in older}
    held = [
        Gap(name, versions[name], version, direct=True, holders=_holders(version, by[name]))
        for name, version in sorted(wanted.items())
        if name not in names and Version(versions[name]) < Version(version)
    ]
    plain = [gap for gap in held if not names & {each.partition(" ")[0] for each in gap.holders}]
    unclear = [*older, *(gap for gap in held if gap not in plain)]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        explained = pool.map(lambda gap: _explained(gap, solver, versions), unclear[:_MOST])
        return Gaps((*explained, *unclear[_MOST:], *plain), solver.requirements)


def _holders(version: str, by: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the packages that don't take a version."""
    return tuple(sorted({each for each, bound in by if not SpecifierSet(bound).contains(version, prereleases=True)}))


def _explained(gap: Gap, solver: Solver, versions: Mapping[str, str]) -> Gap:
    """Return the gap with its reason: what uv says if it must take the newest version, or at least a newer one.

    Nothing else may become older meanwhile (for a requirement of the user's: no other of his); otherwise uv would look
    into releases of years ago, and find no wheels there.
    """
    python = solver.requirements.python.minor
    kept = solver.requirements.direct - {gap.name} if gap.direct else set(versions) - {gap.name}
    floors = [f"{name}>={versions[name].partition('+')[0]}" for name in sorted(kept & set(versions))]
    for asked in (f"{gap.name}=={gap.newest}", f"{gap.name}>{gap.locked},<{gap.newest}"):
        finished = solver.solve("--verbose", more=[asked], floors=floors)
        names = failures.reasons(gap.name, finished, asked, solver, floors) if finished.status else set()
        own = {gap.name: asked.removeprefix(gap.name)}
        lacks = [failures.lack(name, finished.output, solver, own.get(name, "")) for name in sorted(names)]
        if true := [each for each in lacks if each.name in solver.sdists or not each.fits(python)]:
            return replace(gap, lacks=tuple(true), want="sdist" if names & solver.sdists else gap.want)
        if finished.status == 0 or not gap.direct:
            break
    return gap
