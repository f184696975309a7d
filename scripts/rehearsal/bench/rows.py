"""The rows of the benchmark, in sequences: a row may go on where the one before it has ended."""

import copy
import os
import pathlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..command import projects
from ..command.options import DEFAULT_PROJECT, Options
from ..command.rehearse import BOOTSTRAP, step_arguments, step_environment
from ..proxy.world import World
from ..state import names
from . import measure, others
from .measure import Spent


@dataclass(frozen=True)
class Place:
    """Where a row runs: its Azure, the folder that all rows of its sequence share, and one for the whole benchmark."""

    world: World
    machine: pathlib.Path
    scratch: pathlib.Path

    @property
    def project(self) -> pathlib.Path:
        """The sample project, committed."""
        place = self.scratch / "project"
        return place if place.exists() else projects.commit(DEFAULT_PROJECT, place)


@dataclass(frozen=True)
class Row:
    """One thing that is timed. `again`: in the Azure of the row before it, else in a new one."""

    name: str
    label: str
    run: Callable[[Place], Spent]
    again: bool = False


def step(*inputs: str, new: bool = False) -> Callable[[Place], Spent]:
    """Return a run of the step; with `new` on a machine of its sequence, whose caches are empty at first."""

    def run(place: Place) -> Spent:
        options = Options(inputs=list(inputs))
        env = step_environment(place.world, _caches(place.machine) if new else os.environ)
        arguments = step_arguments(options, place.project, place.world.state / "out")
        return measure.run([os.environ["REHEARSE_WITH"], str(BOOTSTRAP), *arguments], env)

    return run


def _caches(machine: pathlib.Path) -> dict[str, str]:
    named = {"XDG_CACHE_HOME": "cache", "UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip"}
    return {**os.environ, **{name: str(machine / folder) for name, folder in named.items()}}


def workspaces(count: int) -> Callable[[Place], Spent]:
    """Return a release to so many workspaces."""

    def run(place: Place) -> Spent:
        named = [f"ws-{number:03}" for number in range(count)]
        with place.world.store.edit("arm") as document:
            group = document[names.SUBSCRIPTION_ID][names.RESOURCE_GROUP]
            group.update({each: copy.deepcopy(group[names.WORKSPACE]) for each in named})
        lines = "\n".join(f"{names.SUBSCRIPTION_ID}/{names.RESOURCE_GROUP}/{each}" for each in named)
        return step("--workspace", lines)(place)

    return run


def packages(count: int) -> Callable[[Place], Spent]:
    """Return a release of so many small packages, which all have one build backend."""

    def run(place: Place) -> Spent:
        folders = [package(place.scratch / f"packages-{count}", number) for number in range(count)]
        return step("--package-dir", "\n".join(map(str, folders)))(place)

    return run


def package(folder: pathlib.Path, number: int) -> pathlib.Path:
    """Return the folder of a small package, written if it isn't there."""
    place, name = folder / f"acme-part-{number}", f"acme_part_{number}"
    (place / "src" / name).mkdir(parents=True, exist_ok=True)
    (place / "src" / name / "__init__.py").write_text(f"NUMBER = {number}\n")
    (place / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "acme-part-{number}"\nversion = "1.0.0"\n'
        f'[tool.hatch.build.targets.wheel]\npackages = ["src/{name}"]\n'
    )
    return place


def _article(installs: Sequence[str], script: str, *, sdist: bool = False) -> Callable[[Place], Spent]:
    sequence = others.article(installs, script, sdist=sdist)
    return lambda place: sequence(place.world, place.project, place.machine, _caches(place.machine))


def _backend(place: Place) -> Spent:
    return others.built(others.backend(place.scratch), place.project, place.world.state / "dist")


def _floor(place: Place) -> Spent:
    return others.least(place.world, place.project, others.backend(place.scratch))


# Not one environment: azureml-core wants a packaging that is too old for twine's check of new metadata.
CORE = _article(("build twine", "azureml-core"), others.CORE)
BOTH = _article(("build twine", "azureml-core"), others.CORE, sdist=True)
ML = _article(("build twine azure-ai-ml azure-identity",), others.ML)
SEQUENCES: tuple[tuple[Row, ...], ...] = (
    (
        Row("article-cold", "the article's sequence, azureml-core, first time on a machine", CORE),
        Row("article-warm", "the article's sequence, azureml-core, tools installed", CORE),
        Row("article-sdist", "the article's sequence, tools installed, with an sdist", BOTH),
    ),
    (
        Row("cold", "the step, first time on a machine", step(new=True)),
        Row("second", "the step, second time on a machine", step(new=True)),
    ),
    (
        Row("article-ml-cold", "the same sequence, azure-ai-ml, first time on a machine", ML),
        Row("article-ml-warm", "the same sequence, azure-ai-ml, tools installed", ML),
    ),
    (
        Row("warm", "the step, later", step()),
        Row("unchanged", "the step, nothing to do", step(), again=True),
    ),
    (Row("verify-none", "the step, verify: none", step("--verify", "none")),),
    (
        Row("sdk-v1", "the step, sdk: v1", step("--sdk", "v1")),
        Row("sdk-v1-unchanged", "the step, sdk: v1, nothing but the connection", step("--sdk", "v1"), again=True),
    ),
    (Row("route-workspace", "the step, route: workspace", step("--route", "workspace")),),
    (Row("backend", "the build backend alone", _backend),),
    (Row("floor", "the floor: backend, bytes, four requests", _floor),),
    *((Row(f"workspaces-{n}", f"the step, {n} workspace{'s' * (n > 1)}", workspaces(n)),) for n in (1, 10, 50, 200)),
    *((Row(f"packages-{n}", f"the step, {n} package{'s' * (n > 1)}", packages(n)),) for n in (1, 10, 50)),
)
ROWS: Mapping[str, Row] = {row.name: row for sequence in SEQUENCES for row in sequence}


def picked(words: Collection[str]) -> frozenset[str]:
    """Return the rows that words pick, by name or by how it begins; all without any. ValueError for none."""
    found = {word: {name for name in ROWS if name == word or name.startswith(f"{word}-")} for word in words}
    unknown = [word for word, each in found.items() if not each]
    if unknown:
        raise ValueError(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return frozenset(set().union(*found.values()) if words else ROWS)


def once(
    folder: pathlib.Path, scratch: pathlib.Path, latency: float, wanted: Collection[str]
) -> Iterator[tuple[str, Spent]]:
    """Yield what each wanted row takes, by its name; what must run before it isn't told."""
    for sequence in SEQUENCES:
        needed = max((number for number, row in enumerate(sequence, 1) if row.name in wanted), default=0)
        machine = folder / sequence[0].name
        for number, row in enumerate(sequence[:needed]):
            azure = machine / f"azure-{0 if row.again else number}"
            azure.mkdir(parents=True, exist_ok=True)
            with World(azure, latency_ms=latency) as world:
                spent = row.run(Place(world, machine, scratch))
            if row.name in wanted:
                yield row.name, spent
