"""uv, which chooses the versions: each name from its own index, wheels first, and no code of a package ever runs."""

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement

from ..model.feed import Feed
from ..model.package_index import PackageIndex
from ..model.secret import Secret
from ..model.wheel import Wheel
from ..transport import http, process, variables
from .homes import Homes
from .requirements import Requirements

SECONDS = 600.0


@dataclass(frozen=True)
class Sources:
    """Where packages may come from: the public index, and the `feed` if there is one; our wheels come from neither.

    `published` are the names that are the feed's own. It is None when they aren't known; then the feed is asked first
    for every name. With `only`, everything but our wheels comes from the feed. `indexes` are those that are named for
    certain packages; they come before all else. `general` are asked before the public index for every other name, and
    `default` takes its place.
    """

    feed: Feed | None
    token: Secret
    published: frozenset[str] | None
    only: bool
    indexes: tuple[PackageIndex, ...] = ()
    general: tuple[str, ...] = ()
    default: str = ""

    def homes(self, own: Iterable[str], built: Iterable[str] = ()) -> Homes:
        """Return which index alone serves which package: none our `own`, and not the feed what is `built`."""
        published = (frozenset() if self.only else self.published or frozenset()) - frozenset(built)
        return Homes(frozenset(own), published, self.indexes, self.general, self.default, self.feed)


@dataclass
class Solver:
    """uv in a scratch `folder`. What it is told grows from run to run, until the solution is what it has to be.

    `bound` are the names that come from an index of their own; `pinned` more requirements (`NAME==VERSION`);
    `sdists` the names that are locked as sdists, `built` the wheels that were built from them, by name and version.
    """

    folder: Path
    requirements: Requirements
    sources: Sources
    bound: set[str] = field(default_factory=set)
    pinned: set[str] = field(default_factory=set)
    sdists: set[str] = field(default_factory=set)
    built: dict[tuple[str, str], Wheel] = field(default_factory=dict)

    @property
    def homes(self) -> Homes:
        """Which index serves which package alone."""
        elsewhere = self.requirements.from_source | self.requirements.addresses.keys()
        return self.sources.homes(self.requirements.own, elsewhere)

    def offer(self) -> None:
        """Write our wheels as a PEP 503 index; uv would lock them without a hash if they came by `--find-links`."""
        for wheel in self.requirements.wheels:
            page = self.folder / "local" / wheel.project / "index.html"
            page.parent.mkdir(parents=True)
            page.write_text(f'<a href="{wheel.path.resolve().as_uri()}#sha256={wheel.sha256}">{wheel.filename}</a>\n')

    def solve(self, *options: str, more: Iterable[str] = (), floors: Iterable[str] = ()) -> process.Finished:
        """Resolve everything from wheels, and `sdists` from sdists.

        `more` are further requirements, `floors` further constraints. The output is uv's log as well, see `edges`.
        """
        needs = [f"{wheel.project}=={wheel.version}" for wheel in self.requirements.wheels]
        needs += [str(each) for each in self.requirements.more if not each.url]
        needs += [*self.requirements.by_address, *sorted(self.bound), *sorted(self.pinned), *more]
        return self._run(
            needs, "--python-platform", self.requirements.python.platform.name, *self._kinds(), *options, floors=floors
        )

    def newest(self, needs: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Return the newest version of each name that all of its `needs` (specifiers) allow, in whatever form.

        Neither platform nor dependencies count, so nothing is downloaded but the index's pages. A name without such a
        version is left out. With `--universal` uv may list a name several times, for several Pythons.
        """
        asked = [f"{name}{each}" for name, specifiers in needs.items() for each in dict.fromkeys(specifiers)]
        if not asked:
            return {}
        finished = self._run(asked, "--no-deps", "--universal", "--prerelease", "if-necessary", "--quiet")
        if finished.status == 0:
            found = map(Requirement, re.findall(r"^[a-z0-9][a-z0-9-]*==.*$", finished.output, re.MULTILINE))
            ours = self.requirements.python.markers
            fitting = (each for each in found if not each.marker or each.marker.evaluate(ours))
            return {each.name: str(each.specifier).removeprefix("==") for each in fitting}
        names = sorted(needs)
        halves = (names[: len(names) // 2], names[len(names) // 2 :]) if len(names) > 1 else ()
        return {name: each for half in halves for name, each in self.newest({key: needs[key] for key in half}).items()}

    def has_wheel(self, need: str, python: str) -> bool:
        """Tell whether a release that `need` (`NAME==VERSION`) allows has a wheel for a Python, such as `3.12`."""
        options = (
            "--no-deps",
            "--python-platform",
            self.requirements.python.platform.name,
            "--only-binary",
            ":all:",
            "--quiet",
        )
        return self._run([need], *options, python=python).status == 0

    def needed(self, finished: process.Finished) -> set[str]:
        """Return the names that something in the solution requires, not we alone, when `bound` names were added."""
        alone = r"^(\S+)==\S+\s+# via amlwheel-lock \(pyproject\.toml\)$"
        return self.bound - set(re.findall(alone, finished.output, re.MULTILINE))

    def _kinds(self) -> list[str]:
        return ["--only-binary", ":all:", *(part for name in sorted(self.sdists) for part in ("--no-binary", name))]

    def _run(
        self, needs: Sequence[str], *options: str, python: str = "", floors: Iterable[str] = ()
    ) -> process.Finished:
        """Run uv in a folder of this run's own; it gets the token in its environment, which uv never prints."""
        python = python or self.requirements.python.exact
        access = zip(("UV_INDEX_FEED_USERNAME", "UV_INDEX_FEED_PASSWORD"), http.login(self.sources.token), strict=True)
        env = variables.for_tool() | dict(access) | self.homes.access(self.sources.token)
        # Nothing is built, so any interpreter will do; without --python uv would try every one that it finds.
        command: list[str | Path] = ["uv", "pip", "compile", "pyproject.toml", "--config-file", "uv.toml"]
        command += ["--no-header", "--python", sys.executable, "--python-version", python, *options]
        # Of the project file uv uses the indexes for bound names only.
        feed = self.sources.feed
        if feed and (self.sources.only or self.sources.published is None):
            command += ["--default-index" if self.sources.only else "--index", f"feed={feed.index_url}"]
        command += self.homes.options
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            place = Path(name)
            (place / "pyproject.toml").write_text(self.project(needs, python), encoding="utf-8")
            (place / "uv.toml").write_text(self.settings(floors), encoding="utf-8")
            return process.run(command, env=env, cwd=place, seconds=SECONDS)

    def project(self, needs: Sequence[str], python: str) -> str:
        """Return the project file that uv resolves: the requirements, and which index serves which name.

        Every JSON string is also a TOML string.
        """
        minor = ".".join(python.split(".")[:2])
        feed, homes = self.sources.feed, self.homes
        bindings = [(name, "local") for name in sorted(self.requirements.own)]
        bindings += [(name, homes.label(name)) for name in sorted(self.bound)]
        table = "".join(f"{json.dumps(name)} = {{ index = {json.dumps(index)} }}\n" for name, index in bindings)
        indexes = {"local": f"{(self.folder / 'local').resolve().as_uri()}/"} | (
            {"feed": feed.index_url} if feed else {}
        )
        project = (
            f'[project]\nname = "amlwheel-lock"\nversion = "0"\nrequires-python = ">={minor}"\n'
            f"dependencies = {json.dumps(list(needs))}\n"
            f"[tool.uv.sources]\n{table}"
        )
        ours = (
            f'[[tool.uv.index]]\nname = "{name}"\nurl = {json.dumps(url)}\nexplicit = true\n'
            for name, url in indexes.items()
        )
        return "".join([project, *ours, homes.tables])

    def settings(self, floors: Iterable[str] = ()) -> str:
        """Return uv's own configuration, which takes the place of the user's.

        It tells what a package requires whose sdist is locked: nothing until it is built, then what its wheel says. So
        uv never builds one: it holds the feed's token, and a build runs the package's code.
        """
        known = "".join(
            [*map(_unknown, sorted(self.sdists)), *(_known(each) for _, each in sorted(self.built.items()))]
        )
        locked = (f"{name}=={version}" for name, version in sorted(self.requirements.locked.items()))
        constraints = [*map(str, self.requirements.constraints), *locked, *floors]
        return f"constraint-dependencies = {json.dumps(constraints)}\n{known}"


def _unknown(name: str) -> str:
    """Return what uv is told of all versions of a package that aren't built."""
    return f"[[dependency-metadata]]\nname = {json.dumps(name)}\nrequires-dist = []\n"


def _known(wheel: Wheel) -> str:
    """Return what a wheel says of its package."""
    requires = [*map(str, wheel.requires)]
    extras = sorted({extra for each in requires for extra in re.findall(r"extra == ['\"]([^'\"]+)", each)})
    return (
        f"[[dependency-metadata]]\nname = {json.dumps(wheel.project)}\nversion = {json.dumps(str(wheel.version))}\n"
        f"requires-dist = {json.dumps(requires)}\nprovides-extra = {json.dumps(extras)}\n"
        f"requires-python = {json.dumps(str(wheel.requires_python))}\n"
    )


def edges(output: str, chosen: Mapping[str, str] | None = None) -> dict[str, list[tuple[str, str]]]:
    """Return who requires what, by name: the requiring package (`NAME VERSION`) and the specifier.

    `output` is uv's log (`--verbose`) of a resolution, in the words of the uv that is locked for the step; a test
    keeps it so. With `chosen` (version by name) only what those versions require counts, not what was tried on the way.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    pattern = r"transitive dependency for ([a-z0-9-]+)(?:\[\S*\])?==(\S+): ([a-z0-9-]+)(?:\[[^\]]*\])?(\S.*)?$"
    for parent, version, name, asked in re.findall(pattern, output, re.MULTILINE):
        if parent != name and (chosen is None or chosen.get(parent) == version):
            found.setdefault(name, []).append((f"{parent} {version}", _specifier(asked)))
    return found


def _specifier(asked: str) -> str:
    """Return uv's range as a specifier (PEP 440): `*` is none, `>=1, <1+` is one version, `|` leaves versions out."""
    exact = re.fullmatch(r">=(\S+), <(\S+)\+", asked)
    if exact and exact[1] == exact[2]:
        return f"=={exact[1]}"
    asked = asked.replace("+", "")  # `<=1+`: with its local versions
    lowest, highest = asked.split(" | ")[0], asked.split(" | ")[-1]
    lower = [part for part in lowest.split(", ") if part.startswith(">")]
    upper = [part for part in highest.split(", ") if part.startswith(("<", "="))]
    return ",".join(dict.fromkeys([*lower, *upper]))
