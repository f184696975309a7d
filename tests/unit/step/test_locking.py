"""A team's lock from its file to the pins: the real uv writes it, of an index made of files."""

import contextlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.build.wheel import inspect
from amlwheel.environment.requirements import Requirements
from amlwheel.errors.base import StepError
from amlwheel.errors.environment import NameUnknown
from amlwheel.errors.team_lock import LockNotHeld, LockStale
from amlwheel.feed import upstream
from amlwheel.feed.artifacts import Facts
from amlwheel.feed.index import Index, Page
from amlwheel.inputs import reading
from amlwheel.inputs.step import Inputs
from amlwheel.model.declared import Declared
from amlwheel.model.limit import NO_LIMIT
from amlwheel.model.lock import Lock
from amlwheel.model.wheel import File, Pin
from amlwheel.step import locking, needs
from amlwheel.step.from_source import FromSource
from amlwheel.transport import process, variables
from unit.environment.shelf import Shelf, metadata, shelf, versions
from unit.inputs.test_rules import FULL
from unit.parts import pack

__all__ = ["shelf"]


class Team:
    """A project in `folder`, and the step's stage for it."""

    def __init__(self, shelf: Shelf, folder: Path) -> None:
        """Begin with two releases of a package, and of what it needs."""
        self.shelf, self.folder, self.requires = shelf, folder, list[str]()
        self.said = "Requires-Python: >=3.10\n"  # in the wheel's metadata
        for version in ("1", "2"):
            shelf.wheel("top", version, "deep")
            shelf.wheel("deep", version)

    def needs(self, *requires: str) -> None:
        """Write the project."""
        self.requires = list(requires)
        said = '[project]\nname = "acme-churn"\nversion = "1.2.3"\nrequires-python = ">=3.10"\ndependencies = '
        (self.folder / "pyproject.toml").write_text(f"{said}{self.requires}\n")

    def uv(self, *words: str) -> None:
        """Run uv in the project."""
        done = process.run(
            ["uv", *words, "--python", sys.executable], env=variables.for_tool(), cwd=self.folder, seconds=60
        )
        assert done.status == 0, done.output

    @property
    def access(self) -> Any:  # noqa: ANN401  # some of it
        """What the services have told."""
        route = SimpleNamespace(place=lambda pins, _: tuple(pins))
        return SimpleNamespace(route=route, facts=Facts(frozenset()), limit=NO_LIMIT)

    def inputs(self, **given: str) -> Inputs:
        """Return the step's inputs."""
        return reading.read({**FULL, "feed-token": "x", **given})

    def declared(self, inputs: Inputs) -> Declared:
        """Return what the inputs ask for."""
        return needs.declared(inputs, {"UV_DEFAULT_INDEX": (self.shelf.folder / "simple").as_uri()})

    def lock(self, *resolve: locking.Resolve, **given: str) -> Lock:
        """Return the lock of the project's wheel."""
        inputs = self.inputs(**given)
        wheel = inspect(
            pack(self.shelf.folder, metadata=metadata("acme-churn", "1.2.3", *self.requires, more=self.said))
        )
        host: Any = SimpleNamespace(say=print, foreign=print)
        fence: Any = SimpleNamespace(around=contextlib.nullcontext)
        others = FromSource(inputs, self.access, {}, host, fence, self.folder / "from-source")
        return locking.lock_all(self.declared(inputs), (wheel,), others, *resolve)


@pytest.fixture
def team(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Index, "page", lambda *_: Page({}))
    return Team(shelf, folder)


def test_the_versions_are_those_of_the_uv_lock(team: Team) -> None:
    team.needs("top<2")
    team.uv("lock", "--upgrade-package", "deep==1")
    found = team.lock()
    assert versions(found) == {"top": "1", "deep": "1"}
    assert (found.gaps, found.warnings) == ((), ())
    team.needs("top")
    with pytest.raises(LockStale, match="top is new, top<2 is gone"):
        team.lock()


def test_a_lock_that_was_edited_is_not_held(team: Team) -> None:
    team.needs("top<2")
    team.uv("pip", "compile", "pyproject.toml", "--generate-hashes", "-o", "team.txt")
    path = team.folder / "team.txt"
    path.write_text(path.read_text().replace("deep==2", "deep==3"))
    with pytest.raises(LockNotHeld, match=r"No index has deep==3, which team\.txt has") as caught:
        team.lock(lock="team.txt")
    assert caught.value.fix.startswith("Run `uv pip compile pyproject.toml --generate-hashes -o team.txt")


def test_our_own_package_is_asked_of_no_sdist(team: Team) -> None:
    team.needs("top")
    found = team.lock(**{"from-source": "acme_churn"})
    assert versions(found) == {"top": "2", "deep": "2"}
    assert found.warnings == (
        "`from-source` names acme-churn, which this run releases itself: no sdist of it is asked for.",
    )


def test_the_resolvers_error_is_told_as_the_feeds_or_the_locks() -> None:
    error: StepError = NameUnknown("x")
    wanted: Any = SimpleNamespace(team=None, python=None)
    assert locking._explained(error, wanted, (), lacking=False) is error
    assert locking._explained(error, wanted, (), lacking=True).fix == upstream.lacking(error).fix


def test_what_an_earlier_run_built_of_an_sdist_is_built_of_it_again(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[frozenset[str]]()
    ours = Pin("deep", "1", ("a",), private=True, files=(File("deep-1-0amlwheel-py3-none-any.whl", "", "a"),))
    public = Pin("top", "1", ("b",), files=(File("top-1-py3-none-any.whl", "", "b"),))

    def resolve(wanted: Requirements, *_: object) -> Lock:
        asked.append(wanted.from_source)
        return Lock((ours, public), ())

    monkeypatch.setattr("amlwheel.environment.lock.resolve", resolve)
    monkeypatch.setattr("amlwheel.step.origins.check", lambda *_: None)
    team.needs("deep", "top")
    team.lock(**{"from-source": "all"})
    assert asked == [{"all"}, {"all", "deep"}]
    team.lock(**{"from-source": "deep"})
    assert asked[2:] == [{"deep"}]
