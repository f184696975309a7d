"""Code of others runs in the fence, and after it nothing does that it has changed."""

import importlib
import threading
import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.foreign import HostFilesChanged, ToolsChanged
from amlwheel.feed import artifacts
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.step import fence
from amlwheel.step.fence import LATER, SIGN_IN, Fence
from amlwheel.transport import installed, sandbox
from amlwheel.transport.installed import Stamp
from unit.parts import FEED


class Place:
    """Host, azureml-core and the step's own files, in one: notes what happens, and may be changed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take their places."""
        self.seen: list[str] = []
        self.tools, self.files = {"uv": (1, 1, 1, 1)}, False
        monkeypatch.setattr(installed, "look", self.look)
        monkeypatch.setattr(installed, "freeze", lambda: self.note("freeze"))
        host: Any = SimpleNamespace(check_files=self.check_files)
        self.fence = Fence(host, [lambda: self.note("load")])
        worker: Any = SimpleNamespace(wait=lambda: self.note("wait"))
        self.fence.worker = worker

    def look(self) -> dict[str, Stamp]:
        self.note("look")
        return dict(self.tools)

    def note(self, what: str) -> None:
        self.seen.append(what)

    def check_files(self) -> None:
        if self.files:
            message = "set_env"
            raise HostFilesChanged(message)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """A machine without Landlock."""
    monkeypatch.setattr(sandbox, "lacking", lambda: ["Landlock"])
    return Place(monkeypatch)


def test_beside_code_that_cannot_write_the_rest_is_loaded_meanwhile_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "lacking", list)
    place, ended = Place(monkeypatch), threading.Event()
    place.fence = Fence(place.fence.host, [ended.wait, lambda: place.note("load")])
    for _ in range(2):
        with place.fence.around():
            place.note("theirs")
        assert ended.is_set() or place.seen == ["look", "theirs", "look"]
        ended.set()
        assert place.fence._imported
        place.fence._imported.result(5)
    end = time.monotonic() + 5
    while place.seen.count("freeze") < 2 and time.monotonic() < end:
        time.sleep(0.001)  # whoever waits for a future may go on before its callbacks are called
    assert place.seen[:4] == ["look", "theirs", "look", "load"]
    assert sorted(place.seen[4:]) == ["freeze", "freeze", "look", "theirs"]


def test_everything_is_loaded_and_looked_at_before_and_compared_after(place: Place) -> None:
    place.fence.check()
    assert place.seen in ([], ["load"])  # nothing of others has run yet
    for _ in range(2):
        with place.fence.around():
            place.note("theirs")
    first = ["load", "freeze", "wait", "look", "theirs", "look"]
    assert place.seen == [*first, "freeze", "wait", "theirs", "look"]


def test_a_first_look_comes_before_all_else_but_not_before_azureml_core_is_there(place: Place) -> None:
    place.fence.look()
    assert "look" not in place.seen
    place.fence.worker = None
    place.fence.look()
    with place.fence.around():
        place.note("theirs")
    assert [each for each in place.seen if each != "load"] == ["look", "freeze", "theirs", "look"]


def test_what_a_run_needs_later_is_loaded_and_no_more() -> None:
    def names(**given: object) -> list[object]:
        inputs: Any = SimpleNamespace(**given)
        return [getattr(each, "args", (each,))[0] for each in fence.later(inputs)]

    assert names(route="feed", feed=FEED) == [artifacts.load, SIGN_IN, *LATER]
    assert names(route="storage", feed=None) == [SIGN_IN, *LATER, "azure.storage.blob"]
    elsewhere = parse_feed("https://pypi.example.com/simple/")
    assert names(route="feed", feed=elsewhere) == [SIGN_IN, *LATER]


def test_what_changed_is_told_also_if_the_build_failed(place: Place) -> None:
    with place.fence.around():
        pass
    place.tools = {"uv": (1, 1, 1, 2)}
    with pytest.raises(ToolsChanged), place.fence.around():
        raise ValueError
    with pytest.raises(HostFilesChanged), place.fence.around():
        place.files = True


def test_a_module_that_cannot_be_imported_is_told_where_it_is_needed(place: Place) -> None:
    broken = Fence(place.fence.host, [partial(importlib.import_module, "no.such.module")])
    with pytest.raises(ModuleNotFoundError), broken.around():
        raise AssertionError
