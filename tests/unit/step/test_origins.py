"""Where the packages of a run come from: the projects' tables, the inputs, and what the feed has."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.environment.requirements import Requirements
from amlwheel.errors.origins import SourceNotFollowed, TwoIndexes
from amlwheel.feed.artifacts import Facts
from amlwheel.feed.index import Index, Page
from amlwheel.inputs.reading import read
from amlwheel.inputs.step import Inputs
from amlwheel.model.declared import Declared
from amlwheel.model.environment import Python
from amlwheel.model.team_lock import Locked, TeamLock
from amlwheel.model.wheel import Pin
from amlwheel.origins.declared import PUBLIC
from amlwheel.origins.settle import Chosen
from amlwheel.step import origins
from packaging.requirements import Requirement
from unit.inputs.test_rules import FULL
from unit.parts import FEED, make

FORK = '[project]\nname = "acme-churn"\n[tool.uv.sources]\nfork = { git = "https://github.com/acme/fork" }\n'
EXTRA = """\
torch = { index = "cpu", extra = "cpu" }
[[tool.uv.index]]
name = "cpu"
url = "https://download.pytorch.org/whl/cpu"
[[tool.uv.index]]
name = "feed"
url = "https://pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple/"
explicit = true
"""


def inputs(tmp_path: Path, **more: str) -> Inputs:
    (tmp_path / "pyproject.toml").write_text(FORK + EXTRA.replace("torch =", 'base = { index = "feed" }\ntorch ='))
    return read({**FULL, "package-dir": str(tmp_path), **more})


def needs(tmp_path: Path, *more: str) -> Requirements:
    wheel = make(tmp_path, more="Requires-Dist: fork\n")
    return Requirements((wheel,), tuple(map(Requirement, more)), Python("3.11.13"))


def test_a_package_of_the_feed_takes_the_place_of_its_source(tmp_path: Path) -> None:
    given, said = inputs(tmp_path), list[str]()
    facts = Facts(frozenset(["fork"]))
    chosen = origins.choose(given, needs(tmp_path, "acme-churn[cpu]"), facts, said.append)
    found = origins.sources(given, facts, chosen)
    assert sorted(found.published or ()) == ["base", "fork"]
    assert [each.names for each in found.indexes] == [{"torch"}]
    assert "is asked before the public index" in said[0]
    assert origins.sources(given, Facts(), chosen).published is None


def test_a_source_of_a_dependency_group_counts_when_that_is_asked_for(tmp_path: Path) -> None:
    given, facts = inputs(tmp_path), Facts(frozenset(["fork"]))
    project = tmp_path / "pyproject.toml"
    project.write_text(project.read_text().replace('extra = "cpu"', 'group = "train"'))
    for groups, names in ((frozenset[str](), []), (frozenset(["train"]), [{"torch"}])):
        chosen = origins.choose(given, needs(tmp_path), facts, print, Declared(groups={".": groups}))
        assert [each.names for each in chosen.indexes] == names


@pytest.mark.parametrize("facts", [Facts(frozenset()), Facts()])
def test_what_the_feed_does_not_have_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: Facts
) -> None:
    monkeypatch.setattr(Index, "page", lambda *_: Page({}))
    with pytest.raises(SourceNotFollowed):
        origins.choose(inputs(tmp_path), needs(tmp_path), facts, print)


def test_a_feed_that_lists_no_names_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Index, "page", lambda _, name: Page({f"{name}-1-py3-none-any.whl": ""}))
    origins.choose(inputs(tmp_path), needs(tmp_path), Facts(), print)


def test_wheels_that_were_built_earlier_have_their_project_in_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = inputs(tmp_path, wheel="dist/*.whl")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceNotFollowed):
        origins.choose(given, needs(tmp_path), Facts(frozenset()), print)


def test_each_index_is_told_with_its_packages() -> None:
    pins = [Pin("torch", "1", (), index="https://b"), Pin("six", "1", ()), Pin("triton", "1", (), index="https://b")]
    assert list(origins.told(pins)) == ["torch, triton from https://b"]


@pytest.mark.parametrize(
    ("facts", "private", "stops"),
    [
        (Facts(frozenset()), False, True),
        (Facts(frozenset()), True, True),  # by way of the feed's upstream
        (Facts(frozenset(["fork"])), True, False),
        (Facts(), True, False),
        (Facts(), False, True),
    ],
)
def test_what_turns_up_deeper_is_the_feeds_own_or_stops_the_run(facts: Facts, private: bool, stops: bool) -> None:  # noqa: FBT001
    chosen = Chosen(barred={"fork": SourceNotFollowed("fork")})
    pins = [Pin("acme-churn", "1", (), private=True), Pin("fork", "1", (), private=private)]
    with pytest.raises(SourceNotFollowed) if stops else contextlib.nullcontext():
        origins.check(chosen, pins, {"acme-churn"}, facts)


GIT = "https://github.com/acme/fork"


def test_the_teams_lock_says_where_packages_come_from(tmp_path: Path) -> None:
    packages = [
        Locked("torch", "2+cpu", place="https://download.pytorch.org/whl/cpu"),
        Locked("base", "1", place=FEED.index_url.replace("//", "//acme@")),
        Locked("six", "1", place=PUBLIC),
        Locked("idna", "1"),
        Locked("fork", "1", kind="git", place=GIT, detail=f"rev {'a' * 40}"),
        Locked("here", "1", kind="path", place="../here"),
        Locked("acme-churn", "1", place="https://x.example/simple"),
    ]
    lock = TeamLock("uv.lock", "uv lock", {each.name: each for each in packages})
    asked = replace(needs(tmp_path), team=lock)
    chosen = origins.choose(inputs(tmp_path, **{"from-source": "fork"}), asked, Facts(frozenset()), print)
    assert [each.names for each in chosen.indexes] == [{"torch"}]
    assert ([*chosen.from_feed], [*chosen.barred]) == (["base"], ["here"])
    assert chosen.commits["fork"].repository.commit == "a" * 40


@pytest.mark.parametrize("given", ["", "https://other.example/simple torch"])
def test_a_table_or_an_input_that_names_another_index_than_the_lock_stops_the_run(tmp_path: Path, given: str) -> None:
    lock = TeamLock("uv.lock", "uv lock", {"torch": Locked("torch", "2", place=PUBLIC)})
    asked = replace(needs(tmp_path, "acme-churn[cpu]", "torch"), team=lock)
    with pytest.raises(TwoIndexes, match=r"torch comes from the public index by uv\.lock, and from https://"):
        origins.choose(inputs(tmp_path, **{"package-indexes": given}), asked, Facts(frozenset(["fork"])), print)


def test_a_table_says_better_than_the_lock_which_folder_it_is(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.uv.sources]\nhere = { path = "../here" }\n')
    lock = TeamLock("uv.lock", "uv lock", {"here": Locked("here", "1", kind="path", place="/x/../here")})
    chosen = origins.choose(given, replace(needs(tmp_path), team=lock), Facts(frozenset(["fork"])), print)
    assert "[tool.uv.sources]" in chosen.barred["here"].what


def test_a_name_that_nothing_requires_is_warned_of(tmp_path: Path) -> None:
    lines = "https://torch.example/simple tourch nothing acme-core\nhttps://other.example/simple numpy"
    given = inputs(tmp_path, **{"package-indexes": lines, "torch-backend": "cpu"})
    pins = [Pin("acme-core", "1", ()), Pin("numpy", "2", ())]
    first, second = origins.unused(given, pins)
    assert "takes nothing, tourch from https://torch.example/simple, but nothing requires them" in first
    assert second == "`torch-backend` is set, but nothing requires PyTorch."
    assert not list(origins.unused(inputs(tmp_path), pins))
