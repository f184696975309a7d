"""The lock that is made while the projects are built counts if their wheels say what was declared, and else not."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.environment import lock
from amlwheel.errors.environment import NameUnknown
from amlwheel.feed.artifacts import Facts
from amlwheel.model.lock import Lock
from amlwheel.step import early_lock
from amlwheel.step.early_lock import EarlyLock
from amlwheel.transport import process, sandbox
from unit.environment.shelf import shelf, versions
from unit.step.test_locking import Team, team

__all__ = ["shelf", "team"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the resolver was asked."""
    real, found = lock.resolve, list[object]()

    def resolve(*given: Any) -> Lock:  # noqa: ANN401  # those of the real one
        found.append(given[0])
        given[3]("       something to say")
        return real(*given)

    monkeypatch.setattr(lock, "resolve", resolve)
    monkeypatch.setattr(sandbox, "lacking", list)
    return found


def told(answer: object) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(answer)
    return future


@contextlib.contextmanager
def early(team: Team, facts: Facts | None = None, **given: str) -> Iterator[EarlyLock]:
    inputs = team.inputs(**given)
    with EarlyLock(team.declared(inputs), inputs, team.folder / "declared") as known:
        found = facts or team.access.facts
        feed = SimpleNamespace(facts=told(found))
        asked: Any = SimpleNamespace(feed=feed, names=told(found.published), limited=told(team.access.limit))
        known.begin(asked)
        yield known


def test_what_the_wheels_say_as_declared_is_resolved_once(
    team: Team, asked: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    team.needs("top", "deep<2")
    with early(team) as known:
        found = team.lock(known.resolve)
    assert len(asked) == 1
    assert versions(found) == {"top": "2", "deep": "1"}
    assert capsys.readouterr().out.count("something to say") == 1
    assert found == team.lock()  # with the sha256 of the wheel


@pytest.mark.parametrize("said", ["Requires-Python: >=3.11\n", "Requires-Python: >=3.10\nProvides-Extra: more\n"])
def test_what_the_wheels_say_otherwise_is_resolved_anew(team: Team, asked: list[object], said: str) -> None:
    team.needs("top")
    team.said = said
    with early(team) as known:
        assert versions(team.lock(known.resolve)) == {"top": "2", "deep": "2"}
    assert len(asked) == 2  # once each


def test_other_requirements_are_resolved_anew(team: Team, asked: list[object]) -> None:
    team.needs("top")
    with early(team) as known:
        known._answer()
        team.requires = ["deep<2"]  # a hook of the build has changed them
        assert versions(team.lock(known.resolve)) == {"deep": "1"}
    assert len(asked) == 2  # once each


def test_an_error_is_that_of_the_true_wheels(team: Team, asked: list[object]) -> None:
    team.needs("nowhere")
    with early(team) as known, pytest.raises(NameUnknown, match="nowhere"):
        team.lock(known.resolve)
    assert len(asked) == 2  # once each


@pytest.mark.parametrize(
    "text",
    [
        'dynamic = ["version"]',
        'version = "1.2.3"\ndynamic = ["dependencies"]',
        'version = "1"\ndependencies = ["p @ https://x.invalid/p-1-py3-none-any.whl"]',
        'version = "one"',
        "version = 1",
    ],
)
def test_what_only_a_build_knows_waits_for_it(team: Team, asked: list[object], text: str) -> None:
    (team.folder / "pyproject.toml").write_text(f'[project]\nname = "acme-churn"\n{text}\n')
    with early(team) as known:
        assert known._answer() is None
    assert not asked


@pytest.mark.parametrize(
    ("given", "lacking", "facts"),
    [
        ({"from-source": "top"}, [], Facts(frozenset())),
        ({}, ["no Landlock"], Facts(frozenset())),
        ({"index": "only"}, [], Facts(frozenset())),
    ],
)
def test_what_is_not_safe_or_not_known_waits(
    team: Team, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], lacking: list[str], facts: Facts
) -> None:
    team.needs("top")
    monkeypatch.setattr(sandbox, "lacking", lambda: lacking)
    with early(team, facts, **given) as known:
        assert known._answer() is None
    assert not (team.folder / "declared").exists()


def test_a_run_that_ends_before_the_feed_answers_waits_for_nothing(team: Team, asked: list[object]) -> None:
    team.needs("top")
    inputs, names = team.inputs(), Future[frozenset[str]]()
    with EarlyLock(team.declared(inputs), inputs, team.folder / "declared") as known:
        known.begin(SimpleNamespace(names=names, limited=told(team.access.limit)))  # type: ignore[arg-type]
    names.set_result(frozenset())
    assert known._answer() is None
    assert not asked
    assert not (team.folder / "declared").exists()


def test_a_run_that_fails_leaves_no_resolver(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    pending: Future[Any] = Future()
    early = EarlyLock(team.declared(team.inputs()), team.inputs(), team.folder, pending, _begun=True)
    tools = [SimpleNamespace(args=args) for args in (["/venv/bin/uv", "pip"], ["/venv/bin/python"], "text")]
    monkeypatch.setattr(process, "RUNNING", {*map(_Hashed, tools)})
    monkeypatch.setattr(process, "OTHERS", set())
    ended = list[Any]()

    def end(child: Any) -> None:  # noqa: ANN401  # a child
        ended.append(child.args)
        threading.Timer(0.01, pending.set_result, [None]).start()

    monkeypatch.setattr(process, "end", end)
    with early:
        pass
    assert ended == [["/venv/bin/uv", "pip"]]


class _Hashed:
    def __init__(self, tool: SimpleNamespace) -> None:
        """Be a child with the arguments of `tool`."""
        self.args = tool.args


def test_the_wheel_is_written_as_backends_write_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nbuild-backend = "hatchling.build"\nrequires = ["hatchling"]\n'
        '[project]\nname = "Acme.Churn"\nversion = "1.0-rc1"\nrequires-python = ">=3.10"\n'
        """dependencies = ["B>=1", "a.x; python_version < '3.12'"]\n"""
        """optional-dependencies = { my_extra = ["c; sys_platform == 'linux'", "b"] }\n"""
    )
    made = early_lock._wheel(tmp_path, tmp_path)
    assert made
    assert made.filename == "acme_churn-1.0rc1-py3-none-any.whl"
    assert [str(each) for each in made.requires] == [
        'a-x; python_version < "3.12"',
        "b>=1",
        'b; extra == "my-extra"',
        'c; sys_platform == "linux" and extra == "my-extra"',
    ]
    assert made.extras == {"my-extra"}
