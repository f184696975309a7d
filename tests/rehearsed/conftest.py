"""One local Azure for all tests of a process, as good as new for each of them."""

import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping

import pytest
from rehearsal.command.projects import commit
from rehearsal.git_host import repositories
from rehearsal.proxy.world import World
from rehearsal.state import names
from rehearsal.state.names import REPOSITORY
from rehearsal.storage import azurite
from rehearsed import checkouts
from rehearsed.steps import PROJECTS, Step, write_wheel

_DOCUMENTS = ("entra", "feeds", "arm", "storage", "registry", "git", "advisories", "builder", "registries")


@pytest.fixture(scope="session")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start the local Azure, which takes longer than most tests."""
    with World(tmp_path_factory.mktemp("azure")) as world:
        yield world


@pytest.fixture(scope="session")
def pristine(local_azure: World) -> dict[str, str]:
    """Return the documents of an Azure in which nothing has happened yet."""
    return {name: local_azure.store.path(name).read_text("utf-8") for name in _DOCUMENTS}


@pytest.fixture
def world(local_azure: World, pristine: dict[str, str]) -> World:
    """Return the local Azure, in which nothing has happened yet and nothing goes wrong."""
    renew(local_azure, pristine)
    return local_azure


def renew(world: World, pristine: Mapping[str, str]) -> None:
    """Let nothing have happened in a local Azure."""
    world.fail()
    world.cut_off(off=False)
    for name, text in pristine.items():
        world.store.path(name).write_text(text, "utf-8")
    for folder in ("feeds", "blobs", "torch"):
        for path in (world.azure / folder).rglob("*"):
            if path.is_file():
                path.unlink()
    shutil.rmtree(world.azure / "git", ignore_errors=True)


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return where caches are: the tools' environments where they always are, all else new and shared by the tests.

    Each world serves other bytes under the same addresses, so the developer's own cache would be wrong. For the same
    reason no two tests put different bytes into a feed under one name and version.
    """
    shared = tmp_path_factory.mktemp("uv-cache")
    kept = os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache")
    return {"XDG_CACHE_HOME": kept, "UV_CACHE_DIR": str(shared)}


@pytest.fixture
def step(world: World, tmp_path: pathlib.Path, caches: dict[str, str]) -> Step:
    """Return the step, ready to run in the local Azure."""
    return Step(world, tmp_path, caches)


@pytest.fixture
def wheel(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a small wheel to release, where building one isn't the point."""
    return write_wheel(tmp_path / "wheels", "acme-features", "0.3.0")


@pytest.fixture
def container(world: World, tmp_path: pathlib.Path) -> str:
    """Return the address of a container that no other test has touched, in Azurite, which npm brings."""
    azurite.installed()  # before a request waits for it
    name = f"c-{abs(hash(tmp_path)) % 10**12}"
    with world.store.edit("storage") as document:
        document["accounts"][names.STORAGE_ACCOUNT]["containers"] = {name: None}
    return names.container_url(name)


@pytest.fixture
def features(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a checkout of the small sample project."""
    return commit(PROJECTS / "acme-features", tmp_path / "acme-features")


@pytest.fixture
def checkout(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a checkout with two projects in folders below its root, one needing the other; it has no remote."""
    return checkouts.make(tmp_path)


@pytest.fixture
def pushed(checkout: pathlib.Path, world: World) -> pathlib.Path:
    """Return the checkout, pushed to its origin on the local github.com."""
    world.push(checkout, REPOSITORY)
    repositories.set_origin(checkout, REPOSITORY)
    return checkout
