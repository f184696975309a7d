"""Resolve all dependencies for the image's Python and platform: each name from its own index, each file by sha256."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors.environment import LockIncomplete
from ..model import origin
from ..model.lock import Lock, Sdist
from ..model.wheel import File, Pin, Wheel
from ..transport import http, sandbox
from . import as_locked, failures, gaps
from .homes import Binding, settle
from .requirements import Requirements
from .solver import Solver
from .sources import Sources

LARGEST = 2 * 2**30  # bytes; a larger wheel isn't read to compute its hash
Build = Callable[[Sdist], Wheel]


def resolve(
    requirements: Requirements,
    sources: Sources,
    recheck: Callable[[], object],
    echo: Callable[[str], None],
    build: Build | None = None,
) -> Lock:
    """Return the lock of all `requirements` and of everything that they need.

    When uv fails, `recheck` asks the feed again and raises its error, because uv reports a refused token as "not
    found". `build` makes the wheels of `requirements.from_source`; without any it isn't needed. Raises NoWheel,
    WheelForOtherPython, OlderVersion, NameUnknown, LocalVersionElsewhere, UploadedLater, Unsatisfiable, LockIncomplete,
    IndexFailed, IndexUnusable, NoNetwork, LockStale, and what `build` raises.
    """
    with sandbox.scratch() as folder:
        solver = Solver(folder, requirements, sources)
        solver.offer()
        solution = Resolution(solver, recheck, echo, build)
        solution.find()
        found = gaps.find(solver, solution.versions, solution.log)
        while requirements.every_source and (more := found.buildable - solver.sdists):
            solver.sdists |= more
            solution.find()
            found = gaps.find(solver, solution.versions, solution.log)
    found.refuse()
    as_locked.refuse_missing(requirements, solution.versions, solution.log)
    _refuse_unhashed(solution.pins, requirements.wheels)
    built = tuple(wheel for key, wheel in sorted(solver.built.items()) if key in solution.versions.items())
    unused = sorted(requirements.from_source - {"all"} - set(solution.versions))
    needless = [f"`from-source` names {', '.join(unused)}, which the lock doesn't need."] if unused else []
    warnings = (*needless, *solution.yanked(), *solution.extras(), *found.warnings)
    return Lock(solution.pins, built, warnings, found.notes, frozenset(solver.untimed & set(solution.versions)))


class Resolution:
    """One solution, which `find` looks for by running uv until each package comes from where it has to come from.

    `pins` is the solution and `log` what uv said of it.
    """

    def __init__(
        self, solver: Solver, recheck: Callable[[], object], echo: Callable[[str], None], build: Build | None
    ) -> None:
        """Begin with what is known: the direct requirements that are the feed's, and what is built from source."""
        requirements, sources = solver.requirements, solver.sources
        self._solver, self._recheck, self._build = solver, recheck, build
        self._binding = Binding(solver.homes, requirements.direct, sources.token, echo)
        solver.sdists |= requirements.from_source - {"all"}
        self.pins: tuple[Pin, ...] = ()
        self.log = ""

    def find(self) -> None:
        """Run uv until the solution stands.

        uv binds only direct requirements to an index. When another name that has an index of its own turns up in the
        solution (one that was published to the feed, or that an index is named for), it is bound to that index and uv
        runs again, until every such name comes from there: a package of the same name on the public index can't take
        its place. Sdists that turn up are built, since only a wheel tells for sure what a package requires.
        """
        while True:
            self._solver.bound = self._binding.bound
            finished = self._solver.solve("--verbose", *self._solver.pylock)
            if finished.status != 0:
                self._recheck()
                text = failures.explanation(finished.output)
                if not (self._binding.failed(text) or self._allow(finished.output)):
                    raise failures.error(finished.output, self._solver)
                continue
            self.log = finished.output
            self.pins, sdists = self._read()
            if not (self._binding.solved(self.versions) or self._build_all(sdists) or self._unbind()):
                break
        if self._binding.homes.declared:
            annotated = self._solver.solve("--quiet", "--emit-index-annotation", "--annotation-style", "line").output
            built = tuple(pin for pin in self.pins if pin.name in self._solver.sdists)
            others = [pin for pin in self.pins if pin not in built]
            self.pins = tuple(sorted((*built, *settle(others, self._binding.homes, annotated))))

    @property
    def versions(self) -> dict[str, str]:
        """The solution's versions by name."""
        return {pin.name: pin.version for pin in self.pins}

    def yanked(self) -> list[str]:
        """Return a warning for each package that its index has yanked (PEP 592), with the reason that it gives."""
        told = re.findall(
            r"^warning: `([a-z0-9-]+)==(\S+)` is yanked(?: \(reason: \"(.*)\"\))?$", self.log, re.MULTILINE
        )
        return [f"{name} {version} is yanked{reason and f': {reason}'}" for name, version, reason in told]

    def extras(self) -> list[str]:
        """Return a warning for each extra that a package doesn't have, as pip gives one; it brings nothing then."""
        told = re.findall(
            r"^warning: The package `(\S+)==(\S+)` does not have an extra named `(\S+)`$", self.log, re.MULTILINE
        )
        return [
            f"{name} {version} has no extra {extra}, which is asked of it: nothing is installed for it"
            for name, version, extra in sorted({*told})
        ]

    def _allow(self, output: str) -> bool:
        """Allow what uv refuses and pip takes; tell whether there was something.

        uv takes a yanked version only from a direct requirement, pip from any exact one. With `from-source: all` a
        package without a wheel that fits is built.
        """
        solver = self._solver
        yanked = sorted(failures.yanked(output, solver) - solver.pinned)
        helpful = next((each for each in yanked if self._helps(each)), "")
        if helpful:
            solver.pinned.add(helpful)
            return True
        if not solver.requirements.every_source:
            return False
        missing, _ = failures.missing(output, solver)
        solver.sdists |= missing
        return bool(missing)

    def _helps(self, yanked: str) -> bool:
        """Tell whether a yanked version (`NAME==VERSION`) leads on: a release of years ago may ask for it in vain."""
        finished = replace(self._solver, pinned={*self._solver.pinned, yanked}).solve("--quiet")
        return finished.status == 0 or yanked not in failures.explanation(finished.output)

    def _build_all(self, sdists: dict[str, File]) -> bool:
        """Build the `sdists` of the solution that aren't built yet; tell whether there were any."""
        assert self._build or not sdists  # noqa: S101  # whoever names packages to build brings what builds them
        versions, built = self.versions, self._solver.built
        new = [name for name in sdists if (name, versions[name]) not in built]
        if any(self._left_for_want_of_a_wheel(name) for name in new):
            return True
        for name in new:
            built[name, versions[name]] = self._build(Sdist(name, versions[name], sdists[name]))  # type: ignore[misc]
        return bool(new)

    def _left_for_want_of_a_wheel(self, name: str) -> bool:
        """Tell whether uv left the version that was built last because something that it requires has no wheel.

        With `from-source: all` that is then built as well; otherwise the error is raised that says so. Any other reason
        is one of the requirements, and uv may go to an older version.
        """
        versions = [version for known, version in self._solver.built if known == name]
        if not versions:
            return False
        finished = self._solver.solve("--verbose", more=[f"{name}=={versions[-1]}"])
        missing, _ = failures.missing(finished.output, self._solver) if finished.status else (set(), "")
        if missing and not self._solver.requirements.every_source:
            raise failures.error(finished.output, self._solver)
        self._solver.sdists |= missing
        return bool(missing)

    def _unbind(self) -> bool:
        """Unbind the names that nothing requires: they were bound because a failure named them."""
        guessed = self._binding.deep
        if not guessed:
            return False
        unneeded = guessed - self._solver.needed(self._solver.solve("--quiet", "--annotation-style", "line"))
        self._binding.drop(unneeded)
        return bool(unneeded)

    def _read(self) -> tuple[tuple[Pin, ...], dict[str, File]]:
        """Return the pins of uv's pylock.toml, and the sdists among them by name."""
        packages = self._solver.packages()
        sources, own = self._solver.sources, self._solver.requirements.own | self._binding.from_feed
        sdists = {
            each["name"]: _file(each["sdist"], _sha256(each["sdist"], sources))
            for each in packages
            if each["name"] in self._solver.sdists and "sdist" in each
        }
        pins = [
            self._built(each["name"], each["version"]) if each["name"] in sdists else _pin(each, own, sources)
            for each in packages
        ]
        return tuple(sorted(pins)), sdists

    def _built(self, name: str, version: str) -> Pin:
        """Return the pin of a package that is built from source: of its wheel, which goes to the feed as ours do."""
        wheel = self._solver.built.get((name, version))
        return Pin(name, version, (wheel.sha256,) if wheel else (), private=True)


def _pin(package: dict[str, Any], bound: set[str], sources: Sources) -> Pin:
    files = [package["archive"]] if "archive" in package else package.get("wheels", [])  # by address: one file
    hashed = [(each, _sha256(each, sources)) for each in files]
    hashes = {digest for _, digest in hashed if digest}
    kept = tuple(_file(each, digest) for each, digest in hashed if str(each.get("url", "")).startswith("http"))
    host = sources.feed.host if sources.feed else None
    from_feed = any(urlsplit(each.get("url", "")).netloc == host for each in files)
    private = sources.only or package["name"] in bound or from_feed
    return Pin(package["name"], package["version"], tuple(sorted(hashes)), private, files=kept)


def _file(file: dict[str, Any], digest: str) -> File:
    """Return a file of the lock with its address, without user information; `name` is optional there (PEP 751)."""
    parts = urlsplit(file["url"])
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    name = str(file.get("name") or unquote(parts.path.rpartition("/")[2]))
    return File(name, url, digest, int(file.get("size", 0)))


def _sha256(file: dict[str, Any], sources: Sources) -> str:
    """Return a file's sha256; read the file if the feed's page has none (pypiserver's has md5 by default)."""
    listed = file.get("hashes", {}).get("sha256", "")
    url = str(file.get("url", ""))
    if listed or not sources.feed or urlsplit(url).netloc != sources.feed.host:
        return str(listed)
    token = sources.token if origin.same(url, sources.feed.index_url) else None
    return http.sha256(url, token, LARGEST, sources.feed.headers)


def _refuse_unhashed(pins: Sequence[Pin], wheels: Sequence[Wheel]) -> None:
    """Raise LockIncomplete unless every pin has a hash, and each of our wheels has its own hash alone."""
    by_name = {pin.name: pin for pin in pins}
    bare = [pin.name for pin in pins if not pin.sha256]
    bare += [
        each.project for each in wheels if each.project not in by_name or by_name[each.project].sha256 != (each.sha256,)
    ]
    if bare:
        raise LockIncomplete(f"No sha256 for {', '.join(sorted(set(bare)))}.")
