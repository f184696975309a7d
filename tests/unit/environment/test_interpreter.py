"""The environment's Python is found where hosts put it, and only one that works counts."""

import platform
import sys
from pathlib import Path

import pytest
from amlwheel.environment import interpreter
from amlwheel.environment.interpreter import Interpreter, Missing, find
from amlwheel.errors.base import TooSlow
from amlwheel.model.environment import Python
from amlwheel.transport import process, tools

WANTED = Python("3.13.2")


@pytest.fixture(autouse=True)
def _linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.39"))
    monkeypatch.setattr(tools, "find_python", lambda _: "")


def cache(folder: Path, *versions: str) -> dict[str, str]:
    """Write a tool cache; a version that ends in ? isn't complete."""
    for each in versions:
        place = folder / "Python" / each.rstrip("?") / "x64"
        (place / "bin").mkdir(parents=True)
        if not each.endswith("?"):
            place.with_name("x64.complete").touch()
    return {"RUNNER_TOOL_CACHE": str(folder)}


def answering(monkeypatch: pytest.MonkeyPatch, *answers: process.Finished | Exception) -> list[list[str]]:
    asked: list[list[str]] = []

    def run(command: list[object], **_: object) -> process.Finished:
        asked.append(list(map(str, command)))
        answer = answers[len(asked) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(process, "run", run)
    return asked


def test_the_newest_complete_one_of_the_tool_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environ = cache(tmp_path, "3.13.9", "3.13.11", "3.13.12?", "3.12.1", "3.13.x")
    asked = answering(monkeypatch, process.Finished(0, "3.13\n"))
    found = find(WANTED, environ)
    assert isinstance(found, Interpreter)
    place = tmp_path / "Python/3.13.11/x64"
    assert found.path == asked[0][0] == str(place / "bin/python3")
    assert found.variables == {"LD_LIBRARY_PATH": str(place / "lib")}
    assert Interpreter("x").variables == {}


@pytest.mark.parametrize("answer", [process.Finished(1, ""), process.Finished(0, "3.12"), OSError(), TooSlow("")])
def test_one_that_does_not_work_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: process.Finished | Exception
) -> None:
    environ = {"AGENT_TOOLSDIRECTORY": cache(tmp_path, "3.13.1")["RUNNER_TOOL_CACHE"]}
    answering(monkeypatch, answer)
    asked: list[str] = []

    def find_python(version: str) -> str:
        asked.append(version)
        return "/usr/bin/python3.13"

    monkeypatch.setattr(tools, "find_python", find_python)
    assert find(WANTED, environ) == Interpreter("/usr/bin/python3.13")
    assert asked == ["cpython@3.13"]


def test_the_steps_own_serves_when_it_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", lambda *_, **__: pytest.fail("asked for another"))
    assert find(Python("3.12.9"), {}) == Interpreter(sys.executable)


@pytest.mark.parametrize(
    ("change", "why", "python"),
    [
        ((sys, "platform", "darwin"), "isn't Linux", False),
        ((platform, "machine", lambda: "aarch64"), "isn't Linux", False),
        ((platform, "libc_ver", lambda: ("glibc", "2.27")), "glibc 2.28, which the image has", False),
        ((platform, "libc_ver", lambda: ("", "")), "glibc 2.28, which the image has", False),
        ((platform, "machine", lambda: "x86_64"), "there is no Python 3.13 on this machine", True),
    ],
)
def test_why_there_is_none(
    monkeypatch: pytest.MonkeyPatch, change: tuple[object, str, object], why: str, *, python: bool
) -> None:
    monkeypatch.setattr(*change)
    found = find(WANTED, {})
    assert isinstance(found, Missing)
    assert why in found.why
    assert found.python is python


def test_the_glibc_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert interpreter.glibc() == 39
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert interpreter.glibc() == 0
