"""Whether a package is locked at an older version than is allowed, and why: for want of a wheel, never in silence."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name
from packaging.version import Version

from ..errors.environment import OlderVersion
from . import failures
from .failures import Lacking
from .solver import Solver, edges

_MOST = 20  # gaps that are looked into; more of them have one reason


@dataclass(frozen=True)
class Gap:
    """A package that is locked at `locked`, although `newest` is allowed: for want of `lacks`, or of no conflict."""

    name: str
    locked: str
    newest: str
    direct: bool
    lacks: tuple[Lacking, ...] = ()

    def __str__(self) -> str:
        """Return the sentence for people, without its dot."""
        told = f"{self.name} {self.locked} in place of {self.newest}"
        if not self.lacks:
            return f"{told}, which other requirements exclude"
        shown = " and ".join(each.label for each in self.lacks)
        return f"{told}, because {shown} {'has' if len(self.lacks) == 1 else 'have'} no wheel that fits"


@dataclass(frozen=True)
class Gaps:
    """The gaps of a solution."""

    all: tuple[Gap, ...]

    @property
    def lacking(self) -> set[str]:
        """The names of the packages for want of whose wheels something is older."""
        return {each.name for gap in self.all for each in gap.lacks}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What happened to packages that nobody named: the user may never have heard of them."""
        return tuple(f"{gap}. {failures.from_source(gap.lacks)}" for gap in self.all if gap.lacks and not gap.direct)

    @property
    def notes(self) -> tuple[str, ...]:
        """Ordinary gaps."""
        return tuple(str(gap) for gap in self.all if not gap.lacks)

    def refuse(self) -> None:
        """Raise OlderVersion if a requirement of the user's is older for want of a wheel."""
        silent = [gap for gap in self.all if gap.lacks and gap.direct]
        if silent:
            lacks = [each for gap in silent for each in gap.lacks]
            raise OlderVersion(f"{'; '.join(map(str, silent))}.", fix=failures.from_source(lacks))


def find(solver: Solver, versions: Mapping[str, str], log: str) -> Gaps:
    """Return the gaps of a solution (`versions` by name), which uv reached as its `log` says.

    What is allowed is what the solution's own packages and the user ask for. Costs one run of uv, which has the
    index's pages by then, and one more for each gap.
    """
    chosen = solver.requirements.own | solver.requirements.locked.keys()  # by the team itself
    needs: dict[str, list[str]] = {name: [asked for _, asked in by] for name, by in edges(log, versions).items()}
    for each in solver.requirements.applicable:
        if each.url:
            continue  # one file and no other
        needs.setdefault(canonicalize_name(each.name), []).append(str(each.specifier))
    newest = solver.newest({name: asked for name, asked in needs.items() if name in versions and name not in chosen})
    older = [
        Gap(name, versions[name], version, direct=name in solver.requirements.direct)
        for name, version in newest.items()
        if Version(versions[name]) < Version(version)
    ]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return Gaps(tuple(pool.map(lambda gap: _explained(gap, solver, versions), older[:_MOST])))


def _explained(gap: Gap, solver: Solver, versions: Mapping[str, str]) -> Gap:
    """Return the gap with its reason: what uv says if it must take the newest version, or at least a newer one.

    Nothing else may become older meanwhile (for a requirement of the user's: no other of his); otherwise uv would look
    into releases of years ago, and find no wheels there.
    """
    kept = solver.requirements.direct - {gap.name} if gap.direct else set(versions) - {gap.name}
    floors = [f"{name}>={versions[name].partition('+')[0]}" for name in sorted(kept & set(versions))]
    for asked in (f"{gap.name}=={gap.newest}", f"{gap.name}>{gap.locked},<{gap.newest}"):
        finished = solver.solve("--verbose", "--prerelease", "explicit", more=[asked], floors=floors)
        lacking = failures.lacking(finished.output) if finished.status else set()
        lacking = failures.buildable(lacking, solver) | (lacking & {gap.name})
        if lacking:
            lacks = [failures.lack(name, finished.output, solver) for name in sorted(lacking)]
            own = tuple(replace(each, version=gap.newest) if each.name == gap.name else each for each in lacks)
            return replace(gap, lacks=own)
        if finished.status == 0 or not gap.direct:
            break
    return gap
