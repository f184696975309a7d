"""What is built for others: downloaded or fetched, built, and held to what our own wheels are held to."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.build import sdist
from amlwheel.errors.build import PythonOutOfRange
from amlwheel.errors.feed import VersionTaken
from amlwheel.feed.artifacts import Facts
from amlwheel.feed.index import Index, Page
from amlwheel.git import checkout
from amlwheel.model.commit import Commit
from amlwheel.model.environment import Python
from amlwheel.model.lock import Sdist
from amlwheel.model.wheel import File, Wheel
from amlwheel.step.from_source import FromSource
from amlwheel.transport.download import Downloads
from unit.parts import FEED, LIMIT, TOKEN, make, sha

SLOW = Sdist("slow", "1.0", File("slow-1.0.tar.gz", "https://files.example/slow-1.0.tar.gz", sha("slow")))
COMMIT = Commit.parse("slow", f"https://github.com/acme/slow@{'a' * 40}")


class Building:
    """Takes the place of downloads and builds; `refused` are the wheels that the route was asked about."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the wheel that every build returns."""
        self.refused: list[Wheel] = []
        self.said: list[str] = []
        self.wheel = make(folder, "slow-1.0-0amlwheel-py3-none-any.whl", "Requires-Python: >=3.9\n")
        monkeypatch.setattr(Downloads, "fetch", lambda _, file, place: place.write_text(file.name))
        monkeypatch.setattr(checkout, "checkout", lambda *given: given[-1].mkdir())
        monkeypatch.setattr(
            sdist, "build", lambda source, archive, *more: self.build(source, archive.read_text(), more)
        )
        monkeypatch.setattr(sdist, "build_commit", lambda source, tree, *more: self.build(source, tree.name, more))
        route: Any = SimpleNamespace(refuse=self.refused.append)
        access: Any = SimpleNamespace(route=route, facts=Facts(frozenset(["slow"])), limit=LIMIT)
        inputs: Any = SimpleNamespace(feed=FEED, feed_token=TOKEN, publishes=True, python_version=Python("3.11.13"))
        host: Any = SimpleNamespace(say=self.said.append, foreign=print)
        self.fenced = False
        fence: Any = SimpleNamespace(around=self.around)
        self.made = FromSource(inputs, access, {}, host, fence, folder / "from-source")

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        self.fenced = True
        yield
        self.fenced = False

    def build(self, source: object, read: str, more: tuple[object, ...]) -> Wheel:
        assert self.fenced
        assert more[-1] == LIMIT
        assert (source, read) in ((SLOW, "slow-1.0.tar.gz"), (COMMIT, "tree"))
        return self.wheel


@pytest.fixture
def building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Building:
    return Building(tmp_path, monkeypatch)


def test_what_is_built_goes_the_way_of_our_own_wheels(building: Building, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Index, "page", lambda *_: Page({"slow-0.9-0amlwheel-py3-none-any.whl": sha("older")}))
    assert building.made.sdist(SLOW) == building.made.commit(COMMIT) == building.wheel
    assert building.refused == [building.wheel] * 2
    assert [line.split()[1] for line in building.said] == ["slow-1.0.tar.gz", f"acme/slow@{'a' * 12}"]


def test_a_package_that_the_feed_has_of_its_own_is_not_built(
    building: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Index, "page", lambda *_: Page({"slow-0.9-py3-none-any.whl": sha("private")}))
    with pytest.raises(VersionTaken, match="has a package of its own named slow"):
        building.made.sdist(SLOW)
    assert not building.said


def test_a_wheel_for_another_python_is_refused(
    building: Building, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Index, "page", lambda *_: Page({}))
    building.wheel = make(tmp_path, "slow-1.1-py3-none-any.whl", "Requires-Python: >=3.12\n")
    with pytest.raises(PythonOutOfRange):
        building.made.sdist(SLOW)
