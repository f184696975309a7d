"""uv, which chooses the versions: each name from its own index, wheels first, and no code of a package ever runs."""

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..model.wheel import Wheel
from ..transport import process, variables
from .homes import Homes
from .requirements import Requirements
from .sources import Sources

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SECONDS = 600.0


@dataclass
class Solver:
    """uv in a scratch `folder`. What it is told grows from run to run, until the solution is what it has to be.

    `bound` are the names that come from an index of their own; `pinned` more requirements (`NAME==VERSION`);
    `sdists` the names that are locked as sdists, `built` the wheels that were built from them, by name and version;
    `untimed` the names of which an index has files without upload times. To uv those are newer than any limit.
    `absent` are names that uv is to leave out, whoever requires them: to try what prevents a solution.
    """

    folder: Path
    requirements: Requirements
    sources: Sources
    bound: set[str] = field(default_factory=set)
    pinned: set[str] = field(default_factory=set)
    sdists: set[str] = field(default_factory=set)
    built: dict[tuple[str, str], Wheel] = field(default_factory=dict)
    untimed: set[str] = field(default_factory=set)
    absent: frozenset[str] = frozenset()

    @property
    def homes(self) -> Homes:
        """Which index serves which package alone."""
        elsewhere = self.requirements.from_source | self.requirements.addresses.keys()
        return self.sources.homes(self.requirements.own, elsewhere)

    @property
    def output(self) -> Path:
        """Where uv writes its pylock.toml, if it is asked to."""
        return self.folder / "pylock.toml"

    @property
    def pylock(self) -> list[str]:
        """The options with which uv writes it."""
        return ["--format", "pylock.toml", "-o", str(self.output)]

    def packages(self) -> list[dict[str, Any]]:
        """Return the packages in uv's pylock.toml (PEP 751), which lists only the wheels that fit the platform."""
        found: list[dict[str, Any]] = tomllib.loads(self.sources.original(self.output.read_text("utf-8")))["packages"]
        self.output.unlink()  # else the next run of uv would prefer these versions
        return found

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
        system = self.requirements.python.platform.name
        while True:
            finished = self._run(needs, "--python-platform", system, *self._kinds(), *options, floors=floors)
            if not self._lift(finished.output):
                return finished

    def _lift(self, output: str) -> bool:
        """Lift the limit for packages without upload times that uv names; tell whether there were any new ones."""
        files = re.findall(r"^warning: `([^`]+)` is missing an upload date", output, re.MULTILINE)
        names = {_project(each) for each in files} - self.untimed
        self.untimed |= names
        if names:
            self.output.unlink(missing_ok=True)  # as above
        return bool(names)

    def newest(self, needs: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Return the newest version of each name that all of its `needs` (specifiers) allow, in whatever form.

        Neither platform nor dependencies count, so nothing is downloaded but the index's pages. A name without such a
        version is left out. With `--universal` uv may list a name several times, for several Pythons.
        """
        asked = [f"{name}{each}" for name, specifiers in needs.items() for each in dict.fromkeys(specifiers)]
        if not asked:
            return {}
        options = ("--no-deps", "--universal", "--prerelease", "if-necessary", "--quiet")
        # The solution has just asked for the same pages, and an index may want each of them asked for in every run.
        known = self._run(asked, *options, "--offline") if self._one_place_each else None
        finished = known if known and known.status == 0 else self._run(asked, *options)
        if finished.status == 0:
            found = map(Requirement, re.findall(r"^[a-z0-9][a-z0-9-]*==.*$", finished.output, re.MULTILINE))
            ours = self.requirements.python.markers
            fitting = (each for each in found if not each.marker or each.marker.evaluate(ours))
            return {each.name: str(each.specifier).removeprefix("==") for each in fitting}
        names = sorted(needs)
        halves = (names[: len(names) // 2], names[len(names) // 2 :]) if len(names) > 1 else ()
        return {name: each for half in halves for name, each in self.newest({key: needs[key] for key in half}).items()}

    @property
    def _one_place_each(self) -> bool:
        """Whether each name has one index: where several are asked in turn, uv offline goes on from an unknown page."""
        asked_first = self.sources.feed and self.sources.published is None and not self.sources.only
        return not (asked_first or self.sources.general)

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

    def has_sdist(self, name: str, need: str) -> bool:
        """Tell whether the release of `name` that `need` (`NAME==VERSION`) allows has an sdist for this Python."""
        alone = replace(self, sdists={name})
        return alone._run([need], "--no-deps", "--no-binary", name, "--quiet").status == 0  # noqa: SLF001  # our own

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
        env = variables.for_tool() | self.homes.access(self.sources.token) | self.sources.variables(self.folder)
        # Nothing is built, so any interpreter will do; without --python uv would try every one that it finds.
        command: list[str | Path] = ["uv", "pip", "compile", "pyproject.toml", "--config-file", "uv.toml"]
        command += ["--no-header", "--python", sys.executable, "--python-version", python, *options]
        # Of the project file uv uses the indexes for bound names only.
        feed = self.sources.feed
        if feed and (self.sources.only or self.sources.published is None):
            command += ["--default-index" if self.sources.only else "--index", f"feed={self.sources.feed_url}"]
        command += self.homes.options
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            place = Path(name)
            (place / "pyproject.toml").write_text(self.project(needs, python), encoding="utf-8")
            (place / "uv.toml").write_text(self.settings(floors), encoding="utf-8")
            finished = process.run(command, env=env, cwd=place, seconds=SECONDS, whole=True)
        return replace(finished, output=self.sources.original(finished.output))

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
            {"feed": self.sources.feed_url} if feed else {}
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
        never = [f"{name}; python_version < '0'" for name in sorted(self.absent)]
        overrides = f"override-dependencies = {json.dumps(never)}\n" if never else ""
        return f"constraint-dependencies = {json.dumps(constraints)}\n{overrides}{self._limit()}{known}"

    def _limit(self) -> str:
        """Return until when a file must have been uploaded; our wheels, the feed's and what a lock has count always."""
        if not self.sources.until:
            return ""
        homes = self.homes
        always = self.untimed | self.requirements.own | self.requirements.locked.keys()
        always |= {name for name in self.bound if homes.of_feed(name)}
        names = ", ".join(f"{json.dumps(name)} = false" for name in sorted(always))
        return f"exclude-newer = {json.dumps(self.sources.until)}\nexclude-newer-package = {{ {names} }}\n"


def _project(file: str) -> str:
    """Return the name of the package that a wheel or an sdist is a file of."""
    return str(canonicalize_name(file.split("-", maxsplit=1)[0] if file.endswith(".whl") else file.rpartition("-")[0]))


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
    """Return uv's range as a specifier (PEP 440): `*` is none, `>=1, <1+` is one version, `|` leaves versions out.

    `<1.0 | >1.0+` is `!=1.0`, and `<2.1.dev0 | >=2.2.dev0` is `!=2.1.*`.
    """
    exact = re.fullmatch(r">=(\S+), <(\S+)\+", asked)
    if exact and exact[1] == exact[2]:
        return f"=={exact[1]}"
    asked = asked.replace("+", "")  # `<=1+`: with its local versions
    lowest, highest = asked.split(" | ")[0], asked.split(" | ")[-1]
    lower = [part for part in lowest.split(", ") if part.startswith(">")]
    upper = [part for part in highest.split(", ") if part.startswith(("<", "="))]
    holes = re.findall(r"<([^\s,]+) \| >=?([^\s,]+)", asked)
    left_out = [f"!={low.replace('.dev0', '.*')}" for low, high in holes if low == high or high == _next(low)]
    return ",".join(dict.fromkeys([*lower, *upper, *left_out]))


def _next(low: str) -> str:
    """Return where uv's range goes on behind a version with a star, which begins at `low`: 2.1.dev0, 2.2.dev0."""
    star = re.fullmatch(r"(.*?)(\d+)\.dev0", low)
    return f"{star[1]}{int(star[2]) + 1}.dev0" if star else ""
