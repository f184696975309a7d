"""A build runs beside the access check, and says nothing before its turn; if access fails, it ends."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.build import project
from amlwheel.errors.base import TooSlow
from amlwheel.feed import relay
from amlwheel.feed.artifacts import Facts
from amlwheel.feed.index import Index
from amlwheel.feed.relay import Published, Relay
from amlwheel.model.limit import NO_LIMIT
from amlwheel.step import build_variables, building
from amlwheel.step.access import First
from amlwheel.step.building import Building
from amlwheel.transport import process, sandbox


class Place:
    """A host, an access check and a build of our own, which waits for `go` and then asks for a page."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Take the places of all that a build needs."""
        self.said: list[str] = []
        self.go, self.begun = threading.Event(), threading.Event()
        self.places: list[Path] = []
        self.names: Future[frozenset[str] | None] = Future()
        self.ended: list[object] = []
        self.served: list[Relay] = []
        host: Any = SimpleNamespace(
            style="terminal",
            tag="",
            say=self.said.append,
            foreign=self.said.append,
            warning=self.said.append,
            leaks=bool,
        )
        inputs: Any = SimpleNamespace(wheel=(), route="feed", package_dir=(), feed=None, feed_token=None)
        fence: Any = SimpleNamespace(look=self.places.clear, around=contextlib.nullcontext)
        limited: Future[Any] = Future()
        limited.set_result(NO_LIMIT)
        self.asked: Any = SimpleNamespace(names=self.names, limited=limited)
        route = SimpleNamespace(build=lambda projects, into, more: self.build(projects, into, self.said.append, more))
        self.access: Any = SimpleNamespace(facts=Facts(frozenset(["own"])), limit=NO_LIMIT, route=route)
        self.building = Building(inputs, {}, host, fence, tmp_path)
        monkeypatch.setattr(sandbox, "lacking", list)
        monkeypatch.setattr(project, "build", self.build)
        monkeypatch.setattr(build_variables, "of", self.variables)
        monkeypatch.setattr(relay, "serve", self.serve)
        monkeypatch.setattr(process, "OTHERS", {self})
        monkeypatch.setattr(process, "end", self.end)

    def serve(
        self, index: Index | None, published: Published, own: frozenset[str], echo: Callable[[str], None]
    ) -> contextlib.AbstractContextManager[Relay]:
        self.served.append(Relay(index, published, own, echo))
        return contextlib.nullcontext(self.served[-1])

    def variables(self, _: object, __: object, told: build_variables.Told) -> dict[str, str]:
        assert not told.leaks("")
        told.warning("a variable")
        return {}

    def build(self, _: object, into: Path, echo: Callable[[str], None], __: Mapping[str, str]) -> list[Path]:
        self.places.append(into)
        self.begun.set()
        assert self.go.wait(5)
        echo("building")
        if self.ended:
            raise ValueError
        self.served[-1].page("numpy")
        self.served[-1].echo("a file")
        return [into / "made.whl"]

    def end(self, child: object) -> None:
        self.ended.append(child)
        self.go.set()


def names_of(served: Relay) -> frozenset[str] | None:
    """Return the feed's own names as the relay learns them: it asks."""
    assert callable(served.published)
    return served.published()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    return Place(monkeypatch, tmp_path)


def test_it_builds_meanwhile_and_speaks_when_it_is_its_turn(place: Place, tmp_path: Path) -> None:
    place.building.begin(place.asked)
    assert place.begun.wait(5)
    assert place.said == []
    place.names.set_result(frozenset(["own"]))
    place.go.set()
    assert place.building.result(place.access) == [tmp_path / "made.whl"]
    assert place.said == ["a variable", "building", "a file"]
    assert names_of(place.served[-1]) == frozenset(["own"])


def test_what_is_said_in_its_turn_is_said_at_once(place: Place) -> None:
    held = building.Held(place.building.host)
    held.say("first")
    held.tell()
    held.foreign("second")
    assert place.said == ["first", "second"]


def test_without_a_feed_no_name_is_its_own(place: Place) -> None:
    names: Any = First.names
    place.asked.names = names.fget(SimpleNamespace(feed=None))
    place.go.set()
    place.building.begin(place.asked)
    place.building.result(place.access)
    assert names_of(place.served[-1]) == frozenset()


def test_it_ends_when_access_fails(place: Place) -> None:
    place.building.begin(place.asked)
    place.building.end()
    assert place.ended
    assert place.said == []


def test_it_ends_when_whoever_waits_is_interrupted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.building.begin(place.asked)

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building.Held, "tell", lambda _: interrupt())
    with pytest.raises(KeyboardInterrupt):
        place.building.result(place.access)
    assert place.ended


def test_a_feed_that_uv_cannot_wait_for_is_waited_for_before_a_second_build(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(building, "PATIENCE", 0.0)
    place.go.set()
    place.building.begin(place.asked)
    with pytest.raises(TooSlow):
        place.building._early.result()  # type: ignore[union-attr]  # it has begun
    assert place.building.result(place.access) == [tmp_path / "again" / "made.whl"]
    assert place.said == ["a variable", "building", "a file"]


@pytest.mark.parametrize(("name", "value"), [("lacking", ["No Landlock."]), ("wheel", ("a.whl",)), ("route", "git")])
def test_it_waits_where_it_could_do_harm(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: object
) -> None:
    if name == "lacking":
        monkeypatch.setattr(sandbox, "lacking", lambda: value)
    else:
        setattr(place.building.inputs, name, value)
    place.go.set()
    place.building.begin(place.asked)
    place.building.end()
    assert place.places == []
    assert place.building.result(place.access) == [tmp_path / "made.whl"]
    assert place.said == ["a variable", "building", "a file"]


def test_the_feeds_names_are_at_hand_before_all_else_is_answered(place: Place) -> None:
    names: Any = First.names
    assert names.fget(SimpleNamespace(feed=SimpleNamespace(names=place.names))) is place.names
