"""A user's repository with the Action in it, the local Azure, and a runner's environment, for all doors."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hosts.scenarios import PROJECTS, ROOT, SCENARIOS, Scenario
from rehearsal import projects
from rehearsal.rehearse import step_environment
from rehearsal.world import World

REMOTE = "https://github.com/acme/demo"


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository, committed: the Action at its root, the projects beside it, and the workflows."""
    place = tmp_path_factory.mktemp("source")
    shutil.copyfile(ROOT / "action.yml", place / "action.yml")
    shutil.copytree(ROOT / "action", place / "action", ignore=shutil.ignore_patterns("__pycache__"))
    for name, folder in PROJECTS.items():
        shutil.copytree(folder, place / "project" / name, ignore=shutil.ignore_patterns(*projects.GENERATED))
    shutil.copytree(PROJECTS["hostile"], place / "project/hostile-failure")
    (place / "project/hostile-failure/FAIL").touch()
    (place / ".github/workflows").mkdir(parents=True)
    for scenario in SCENARIOS:
        shutil.copy(scenario.workflow, place / ".github/workflows")
    repository = projects.commit(place, tmp_path_factory.mktemp("repository") / "demo")
    subprocess.run([shutil.which("git") or "git", "-C", repository, "remote", "add", "origin", REMOTE], check=True)
    return repository


@pytest.fixture(scope="session")
def _azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world")) as world:
        yield world


@dataclass(frozen=True)
class Azure:
    """The local Azure as new, and its request log from now on."""

    world: World
    _before: int

    def writes(self) -> list[str]:
        """Return the requests since then that changed something."""
        return [f"{line['method']} {line['url']}" for line in self.world.writes()[self._before :]]


@pytest.fixture
def azure(_azure: World) -> Azure:
    """Empty the feeds and workspaces."""
    empty(_azure)
    return Azure(_azure, len(_azure.writes()))


def empty(world: World) -> None:
    """Make a local Azure as new."""
    for path in (world.azure / "feeds").rglob("*.whl"):
        path.unlink()
    for name in ("arm", "entra", "feeds"):
        world.store.path(name).unlink()
    World(world.state)  # writes what is missing


@pytest.fixture(scope="session")
def base(_azure: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a runner in this world: one python3 goes first, and there is no uv."""
    bin_folder = tmp_path_factory.mktemp("bin")
    (bin_folder / "python3").write_text(f'#!/bin/sh\nexec "{sys._base_executable}" "$@"\n')  # type: ignore[attr-defined]
    (bin_folder / "python3").chmod(0o755)
    env = {name: value for name, value in step_environment(_azure, os.environ).items() if "AMLWHEEL" not in name}
    tools = [Path(shutil.which(name) or name).parent for name in ("bash", "git")]
    cache = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {
        "UV_CACHE_DIR": str(cache / "uv"),
        "PIP_CACHE_DIR": str(cache / "pip"),
        **env,
        "PATH": os.pathsep.join([str(bin_folder), *map(str, tools), os.defpath]),
    }


def tag_push(scenario: Scenario) -> dict[str, str]:
    """Return the variables by which the runner tells of a pushed tag."""
    return {
        "GITHUB_REF": f"refs/tags/{scenario.tag}",
        "GITHUB_REF_NAME": scenario.tag,
        "GITHUB_REF_TYPE": "tag",
        "GITHUB_REPOSITORY": "acme/demo",
        "GITHUB_SERVER_URL": "https://github.com",
    }
