"""One local Azure for all runs of a process; and the table of what they came to."""

import json
import pathlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chaos import table
from chaos.bench import Bench
from chaos.promises import Note, as_json
from chaos.scale import Scale
from rehearsal.proxy.world import World
from rehearsal.storage import azurite
from rehearsed.conftest import caches, local_azure, pristine
from rehearsed.steps import ROOT

__all__ = ["caches", "local_azure", "pristine"]

_PAGE = ROOT / "docs/reliability.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take how much runs, and what becomes of the table."""
    group = parser.getgroup("chaos")
    group.addoption("--whole", action="store_true", help="every request once, each fault on each kind, every kill")
    group.addoption("--all", action="store_true", dest="everything", help="each fault on each request: hours")
    group.addoption("--seed", type=int, default=20261128, help="of every choice that is made")
    group.addoption("--write", action="store_true", help="put the table into docs/reliability.md")
    group.addoption("--notes", type=pathlib.Path, help="a file for each disturbed run as JSON, a line each")


def pytest_configure(config: pytest.Config) -> None:
    """Say the seed, so that a run can be had again."""
    config.stash[_NOTES] = []


_NOTES: pytest.StashKey[list[Note]] = pytest.StashKey()


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    """Return how much runs."""
    everything = pytestconfig.getoption("everything", default=False)
    whole = pytestconfig.getoption("whole", default=False) or everything
    return Scale(pytestconfig.getoption("seed", default=20261128), whole=whole, everything=everything)


@pytest.fixture(scope="session")
def bench(
    local_azure: World,  # noqa: F811  # a fixture of another folder
    pristine: dict[str, str],  # noqa: F811
    caches: dict[str, str],  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Bench:
    """Return the place where releases are disturbed."""
    azurite.installed()
    return Bench(local_azure, pristine, caches, tmp_path_factory.mktemp("chaos"))


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Iterator[Callable[[Note], None]]:
    """Return a function that counts a disturbed run; at the end of the test a broken promise fails it."""
    noted: list[Note] = []

    def take(one: Note) -> None:
        noted.append(one)
        record_property("chaos", as_json(one))
        print(one.told(), flush=True)

    yield take
    broken = [each.told() for each in noted if each.broken]
    assert not broken, "\n".join(broken)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what was noted, wherever the test ran."""
    if report.when == "teardown":
        _COLLECTED.extend(Note(**json.loads(str(text))) for name, text in report.user_properties if name == "chaos")


_COLLECTED: list[Note] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:  # noqa: ANN401  # has no public type
    """Print the table, and write it where that is asked for."""
    if not _COLLECTED:
        return
    text = table.table(_COLLECTED)
    terminalreporter.write_line(f"\nseed {config.getoption('seed')}\n{text}")
    place = config.getoption("notes")
    if place:
        place.write_text("".join(f"{as_json(each)}\n" for each in _COLLECTED), "utf-8")
    if config.getoption("write"):
        _PAGE.write_text(table.written(_PAGE.read_text("utf-8"), text), "utf-8")
