"""A solution beside the team's lock: what is stale, what contradicts it, and what an index has otherwise."""

from pathlib import Path

import pytest
from amlwheel.environment import as_locked
from amlwheel.environment.requirements import Requirements
from amlwheel.errors.base import StepError, together
from amlwheel.errors.declared import NotTaken
from amlwheel.errors.environment import NoWheel, Unsatisfiable, WheelForOtherPython
from amlwheel.errors.team_lock import LockNotForImage, LockNotHeld, LockStale
from amlwheel.model.environment import Python
from amlwheel.model.lock import Sdist
from amlwheel.model.team_lock import Locked, TeamLock
from amlwheel.model.wheel import File, Pin
from packaging.requirements import Requirement
from unit.parts import make, sha

PYTHON = Python("3.11.13")
TOP = "top-1-py3-none-any.whl"


def locked(name: str, version: str = "1", **more: object) -> Locked:
    return Locked(name, version, frozenset([sha(name)]), **more)  # type: ignore[arg-type]


def team(*names: str, **more: object) -> TeamLock:
    found = {each.name: each for each in map(locked, names)}
    return TeamLock("uv.lock", "uv lock", {**found, **more.pop("packages", {})}, **more)  # type: ignore[dict-item, arg-type]


def requirements(*texts: str) -> tuple[Requirement, ...]:
    found = tuple(map(Requirement, (each.removeprefix("by source: ") for each in texts)))
    for each, text in zip(found, texts, strict=True):
        each.url = "editable" if text.startswith("by source: ") else each.url
    return found


def needs(
    folder: Path, *requires: str, more: str = "", constraint: str = "", lock: TeamLock | None = None
) -> Requirements:
    wheel = make(folder, more="Provides-Extra: train\n" + "".join(f"Requires-Dist: {each}\n" for each in requires))
    limits = requirements(*filter(None, [constraint]))
    return Requirements((wheel,), requirements(*more.split()), PYTHON, limits, team=lock)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["top>=1,<2.0"], ["top <2, >=1"]),
        (["top>=1", "win; sys_platform == 'win32'"], ["top>=1"]),
        (["by source: base"], ["base>=3"]),
        (["top[x,y]"], ["Top[Y,x]"]),
        (
            ["top; extra == 'train'", "acme-churn[train]; extra == 'all'"],
            ["top; extra == 'train'", "top; extra == 'all'"],
        ),
        (["top", "other; extra == 'serve'"], ["top"]),
    ],
)
def test_what_means_the_same_in_the_image_is_not_stale(tmp_path: Path, before: list[str], now: list[str]) -> None:
    asked = team("top", requires={"acme-churn": requirements(*before)})
    as_locked.check(asked, needs(tmp_path, *now), ())
    as_locked.check(asked, needs(tmp_path, *now, more="acme-churn[all]"), ())


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (["top"], ["top", "new>=2"], "new>=2 is new"),
        (["top", "old"], ["top"], "old is gone"),
        (["top>=1"], ["top>=2"], "top>=2 is new, top>=1 is gone"),
        (["top"], ["top[x]"], r"top\[x\] is new"),
        (["top"], ["top @ https://x.example/top-1-py3-none-any.whl"], "top is new, top is gone"),
    ],
)
def test_other_requirements_than_those_of_the_wheel_are_stale(
    tmp_path: Path, before: list[str], now: list[str], told: str
) -> None:
    asked = team("top", "old", requires={"acme-churn": requirements(*before)})
    with pytest.raises(LockStale, match=f"made for other requirements of acme-churn: {told}") as caught:
        as_locked.check(asked, needs(tmp_path, *now), ())
    assert caught.value.fix == "Run `uv lock`, and commit uv.lock."


def test_groups_are_compared_as_well(tmp_path: Path) -> None:
    asked = team("top", "pytest", grouped=requirements("pytest"))
    as_locked.check(asked, needs(tmp_path, "top", more="pytest"), requirements("pytest"))
    with pytest.raises(LockStale, match="of the dependency groups: top is new"):
        as_locked.check(asked, needs(tmp_path, "top", more="pytest top"), requirements("pytest", "top"))


def test_a_lock_that_does_not_tell_what_it_was_made_for_must_have_and_allow_all(tmp_path: Path) -> None:
    as_locked.check(team("top"), needs(tmp_path, "top>=1", more="free"), ())
    with pytest.raises(LockStale, match=r"uv\.lock doesn't have other, which the project requires"):
        as_locked.check(team("top"), needs(tmp_path, "top", "other"), ())
    with pytest.raises(LockStale, match="has top 1, and the project requires top>=2"):
        as_locked.check(team("top"), needs(tmp_path, "top>=2"), ())
    with pytest.raises(LockStale) as caught:
        as_locked.check(team("top", overrides=frozenset(["top"])), needs(tmp_path, "top>=2"), ())
    assert "knows none" in caught.value.cause
    assert caught.value.fix.startswith("Take top out of override-dependencies. Run `uv lock`")


@pytest.mark.parametrize(("more", "constraint"), [("top>=2", ""), ("", "top<1")])
def test_a_requirement_beside_the_lock_does_not_change_it(tmp_path: Path, more: str, constraint: str) -> None:
    with pytest.raises(NotTaken, match=r"top\S+ is asked for beside the lock, and uv\.lock has top 1"):
        as_locked.check(team("top"), needs(tmp_path, "top", more=more, constraint=constraint), ())


LOG = """\
DEBUG Adding transitive dependency for acme-churn==1.2.3: top*
DEBUG Adding transitive dependency for top==1: deep>=1
DEBUG Adding transitive dependency for free==1: deeper>=1
"""
SOLUTION = {"acme-churn": "1.2.3", "top": "1", "deep": "2", "free": "1", "deeper": "1"}


def test_what_a_locked_package_requires_must_be_in_the_lock(tmp_path: Path) -> None:
    asked = needs(tmp_path, "top", more="free", lock=team("top"))
    with pytest.raises(LockStale, match=r"uv\.lock doesn't have deep, which top 1 requires") as caught:
        as_locked.refuse_missing(asked, SOLUTION, LOG)
    assert caught.value.fix == "Run `uv lock --upgrade-package top==1`, and commit uv.lock."
    as_locked.refuse_missing(needs(tmp_path, "top", more="free", lock=team("top", "deep")), SOLUTION, LOG)
    as_locked.refuse_missing(needs(tmp_path, "top", more="free top[x]", lock=team("top")), SOLUTION, LOG)
    as_locked.refuse_missing(needs(tmp_path, "top"), SOLUTION, LOG)


def test_the_versions_of_the_lock_are_constraints_for_what_an_index_has(tmp_path: Path) -> None:
    fork = locked("fork", kind="git")
    asked = needs(tmp_path, "top", lock=team("top", "acme-churn", packages={"fork": fork}))
    assert asked.locked == {"top": "1"}
    assert needs(tmp_path, "top").locked == {}


SAID = "Because top==1 has no usable wheels and deep was not found"


@pytest.mark.parametrize(
    ("packages", "error", "kind", "what", "fix"),
    [
        (
            {"top": Locked("top", "1")},
            Unsatisfiable("x", details=SAID),
            LockNotForImage,
            "no wheel of top 1",
            "uv lock",
        ),
        (
            {"top": Locked("top", "1", sdists=frozenset(["a"]))},
            together([NoWheel("x", details=SAID), WheelForOtherPython("y")]),
            NoWheel,
            "no wheel of top 1 for Python 3.11",
            "Set `from-source` to top",
        ),
        (
            {"top": locked("top", "9")},
            Unsatisfiable("x", details="Because there is no version of top==9 and you require"),
            LockNotHeld,
            "No index has top==9, which uv.lock has",
            "Run `uv lock --upgrade-package top`",
        ),
        ({"top": locked("top")}, Unsatisfiable("uv says: x"), LockStale, "don't go together. uv says", "or delete it"),
        ({"top": locked("top")}, NoWheel("No wheel of odd", fix="build it"), NoWheel, "No wheel of odd", "build it"),
    ],
)
def test_the_resolvers_errors_are_told_in_words_of_the_lock(
    packages: dict[str, Locked], error: StepError, kind: type[StepError], what: str, fix: str
) -> None:
    found = as_locked.explained(error, team(packages=packages), PYTHON)
    assert isinstance(found, kind)
    assert what in found.what
    assert fix in found.fix


def test_what_is_asked_for_beside_the_lock_may_be_at_fault(tmp_path: Path) -> None:
    lock, group = team("top"), Requirement("free>2")
    asked = needs(tmp_path, more="top top[x] free acme-churn[train] free>2", constraint="deep<1", lock=lock)
    assert as_locked.beside(lock, asked, [group]) == ["top[x]", "free", "deep<1"]
    found = as_locked.explained(Unsatisfiable("uv says: x"), lock, PYTHON, ["top[x]", "free"])
    assert isinstance(found, NotTaken)
    assert found.what == "What is asked for beside uv.lock doesn't go with its versions. uv says: x"
    assert found.fix.startswith("Take top[x], free out there; or make it a requirement of the project. Run `uv lock`")


def test_what_a_list_has_and_nothing_requires_is_told() -> None:
    lock = team("top", "a", "b", "c", "d", "e", "f")
    (told,) = as_locked.left_out(lock, ["top", "b", "c", "d", "e", "f", "free"])
    assert told.startswith("uv.lock also has a: not in the environment, since nothing requires it. Name in ")
    assert "also has a, b, c, d, e and 1 more: not" in as_locked.left_out(lock, ["top"])[0]
    assert as_locked.left_out(team("top"), ["top", "free"]) == []
    assert as_locked.left_out(team("a", requires={"acme-churn": ()}), []) == []


def test_an_override_that_pip_would_not_follow_is_the_cause() -> None:
    found = as_locked.explained(Unsatisfiable("x"), team("top", overrides=frozenset(["deep"])), PYTHON)
    assert "override-dependencies of uv has deep" in found.cause


def pin(*files: tuple[str, str]) -> Pin:
    kept = tuple(File(name, f"https://files.example/{name}", digest) for name, digest in files)
    return Pin("top", "1", tuple(digest for _, digest in files), files=kept)


def test_only_the_files_of_the_lock_are_kept() -> None:
    later = ("top-1-1-py3-none-any.whl", sha("later"))
    ours, free = Pin("acme-churn", "1", ("a",)), Pin("free", "1", ("b",))
    held = as_locked.hold(
        [ours, pin((TOP, sha("top")), later), free], team("top", "acme-churn"), {"acme-churn"}, PYTHON
    )
    assert held == (ours, pin((TOP, sha("top"))), free)
    assert [each.name for each in held[1].files] == [TOP]


@pytest.mark.parametrize(
    ("packages", "kind", "what"),
    [
        ({"top": Locked("top", "1")}, LockNotForImage, "has no wheel of top 1"),
        ({"top": Locked("top", "1", frozenset(["z"]))}, LockNotHeld, "has files with another sha256 than uv.lock"),
        ({"top": locked("top", named={TOP: "z"})}, LockNotHeld, f"the index has the file {TOP} with another sha256"),
    ],
)
def test_other_files_than_the_locks_stop_the_run(packages: dict[str, Locked], kind: type[StepError], what: str) -> None:
    with pytest.raises(kind) as caught:
        as_locked.hold([pin((TOP, sha("top")))], team(packages=packages), set(), PYTHON)
    assert what in caught.value.what
    assert "Run `uv lock --upgrade-package top==1`, and commit uv.lock." in caught.value.fix


def test_an_sdist_is_built_only_if_it_is_the_one_of_the_lock(tmp_path: Path) -> None:
    wheel, source = make(tmp_path), Sdist("top", "1", File("top-1.tar.gz", "https://x.example", sha("top")))
    asked = team(packages={"top": Locked("top", "1", sdists=frozenset([sha("top")]))})
    assert as_locked.checked(lambda _: wheel, asked)(source) is wheel
    assert as_locked.checked(lambda _: wheel, None)(source) is wheel
    assert as_locked.checked(lambda _: wheel, team("other"))(source) is wheel
    for sdists, what in (["z"], "another sha256 than uv.lock"), ([], "has no sdist of top 1"):
        other = team(packages={"top": Locked("top", "1", sdists=frozenset(sdists))})
        with pytest.raises(LockNotHeld, match=what):
            as_locked.checked(lambda _: wheel, other)(source)
