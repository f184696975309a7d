"""One local Azure for all runs of a process; and the table of what they came to."""

import json
import pathlib
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
_SEED = 20261128


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take how much runs, and what becomes of the table."""
    group = parser.getgroup("chaos")
    group.addoption("--whole", action="store_true", help="every request once, each fault on each kind, every kill")
    group.addoption("--all", action="store_true", dest="everything", help="each fault on each request: hours")
    group.addoption("--seed", type=int, default=_SEED, help="of every choice that is made")
    group.addoption("--without", action="append", default=[], help="a fault to leave out")
    group.addoption("--write", action="store_true", help="put the table into docs/reliability.md")
    group.addoption(
        "--notes", type=pathlib.Path, help="a file with a line for each disturbed run; what is in it isn't run again"
    )


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    """Return how much runs."""
    everything = pytestconfig.getoption("everything", default=False)
    whole = pytestconfig.getoption("whole", default=False) or everything
    seed = pytestconfig.getoption("seed", default=_SEED)
    done = frozenset(each.key for each in _earlier(pytestconfig))
    without = frozenset(pytestconfig.getoption("without", default=[]))
    return Scale(seed, whole=whole, everything=everything, done=done, without=without)


def _earlier(config: pytest.Config) -> list[Note]:
    """Return what is noted already."""
    place = config.getoption("notes", default=None)
    return [Note(**json.loads(line)) for line in place.read_text("utf-8").splitlines()] if _there(place) else []


def _there(place: pathlib.Path | None) -> bool:
    return place is not None and place.is_file()


@pytest.fixture(scope="session")
def bench(
    local_azure: World,  # a fixture of another folder
    pristine: dict[str, str],
    caches: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Bench:
    """Return the place where releases are disturbed."""
    azurite.installed()
    return Bench(local_azure, pristine, caches, tmp_path_factory.mktemp("chaos"))


@pytest.fixture
def note(
    record_property: Callable[[str, object], None], pytestconfig: pytest.Config
) -> Iterator[Callable[[Note], None]]:
    """Return a function that counts a disturbed run; at the end of the test a broken promise fails it."""
    noted: list[Note] = []
    place = pytestconfig.getoption("notes", default=None)

    def take(one: Note) -> None:
        noted.append(one)
        record_property("chaos", as_json(one))
        print(one.told(), flush=True)
        if place:
            with place.open("a", encoding="utf-8") as file:
                file.write(f"{as_json(one)}\n")

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
    notes = list({each.key: each for each in (*_earlier(config), *_COLLECTED)}.values())
    if not notes:
        return
    text = table.table(notes)
    terminalreporter.write_line(f"\nseed {config.getoption('seed', default=_SEED)}\n{text}")
    if config.getoption("write", default=False):
        _PAGE.write_text(table.written(_PAGE.read_text("utf-8"), text), "utf-8")
