"""A user's repository with the Action in it, the local Azure, and a runner's environment, for all doors."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hosts import agent
from hosts.scenarios import PROJECTS, ROOT, SCENARIOS, Scenario
from rehearsal.command import projects
from rehearsal.command.rehearse import step_environment
from rehearsal.proxy.world import World
from rehearsal.sign_in import pipelines
from rehearsal.state import names

PRINCIPAL = {"tenantid": names.TENANT_ID, "serviceprincipalid": names.CLIENT_ID}
FEDERATED = agent.Endpoint("WorkloadIdentityFederation", PRINCIPAL, name="ml-production")
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


@pytest.fixture(scope="session")
def act_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return act's own cache folder, and in it what this runner has more than the other: a uv."""
    home = tmp_path_factory.mktemp("act")
    (home / "bin").mkdir()
    (home / "bin/uv").symlink_to(Path(sys.executable).parent / "uv")
    return home


def tag_push(scenario: Scenario) -> dict[str, str]:
    """Return the variables by which the runner tells of a pushed tag."""
    return {
        "GITHUB_REF": f"refs/tags/{scenario.tag}",
        "GITHUB_REF_NAME": scenario.tag,
        "GITHUB_REF_TYPE": "tag",
        "GITHUB_REPOSITORY": "acme/demo",
        "GITHUB_SERVER_URL": "https://github.com",
    }


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the extension that scripts/package-task makes."""
    folder = tmp_path_factory.mktemp("vsix")
    subprocess.run([sys.executable, ROOT / "scripts/package-task", "--output", folder], check=True, capture_output=True)
    (archive,) = folder.iterdir()
    return archive


@pytest.fixture(scope="session")
def task(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the task's folder as an agent has it, read-only."""
    folder = tmp_path_factory.mktemp("_tasks")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    return folder / "AmlWheel"


@pytest.fixture(scope="session")
def agent_temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the agent's temporary folder, with a space in it; the step's own packages are installed there once."""
    return tmp_path_factory.mktemp("agent temp")


@pytest.fixture
def sources(repository: Path, azure: Azure, tmp_path: Path) -> Path:
    """Return a fresh checkout of the repository, with a space in its path; the local Azure is as new."""
    del azure
    shutil.copytree(repository, tmp_path / "s o")
    return tmp_path / "s o"


@pytest.fixture
def job(sources: Path, base: dict[str, str], task: Path, agent_temp: Path) -> agent.Job:
    """Return a job whose pipeline belongs to the feed's organisation, with a service connection."""
    env = {name: value for name, value in base.items() if not name.startswith("AZURE_")}
    variables = {
        "Build.Repository.Uri": REMOTE,
        "System.CollectionUri": "https://dev.azure.com/acme/",
        "System.TeamProject": names.PROJECT,
        "System.OidcRequestUri": pipelines.request_uri(),
        "Agent.ToolsDirectory": str(sources.parent / "tools"),
    }
    secrets = {"readToken": names.READ_TOKEN}
    endpoints = {names.SERVICE_CONNECTION: FEDERATED}
    return agent.Job(task, sources, agent_temp, env, variables, secrets, endpoints, names.JOB_TOKEN)
