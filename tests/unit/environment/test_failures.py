"""What uv's failure means: the real uv on an index made of files, so that other words of uv fail here."""

import re
from dataclasses import replace

import pytest
from amlwheel.environment import advice, failures
from amlwheel.environment.advice import Lacking
from amlwheel.environment.requirements import Requirements
from amlwheel.environment.sources import Sources
from amlwheel.errors.base import Several, StepError
from amlwheel.errors.environment import (
    IndexFailed,
    LocalVersionElsewhere,
    NameUnknown,
    NoWheel,
    Unsatisfiable,
    WheelForOtherPython,
)
from amlwheel.model.secret import Secret
from amlwheel.model.team_lock import Locked, TeamLock
from packaging.specifiers import SpecifierSet
from unit.environment.shelf import PYTHON, Shelf, shelf, versions
from unit.parts import FEED

__all__ = ["shelf"]

NEEDS = Requirements((), (), PYTHON)


def refused(shelf: Shelf, *needs: str, source: str = "") -> StepError:
    """Return the error with which the lock stops."""
    with pytest.raises(StepError) as caught:
        shelf.lock(*needs, source=source)
    assert not shelf.ran.exists()
    return caught.value


def test_a_package_without_a_wheel_is_named_with_who_requires_it(shelf: Shelf) -> None:
    shelf.wheel("omegaconf", "2.3.0", "antlr4-python3-runtime==4.9.*")
    shelf.sdist("antlr4-python3-runtime", "4.9.2")
    shelf.sdist("antlr4-python3-runtime", "4.9.3")
    error = refused(shelf, "omegaconf==2.3.0")
    assert type(error) is NoWheel
    assert error.what == ("No wheel that fits exists of antlr4-python3-runtime 4.9.3 (which omegaconf 2.3.0 requires).")
    assert error.fix == "Set `from-source` to antlr4-python3-runtime: the step then builds the wheel."
    assert versions(shelf.lock("omegaconf==2.3.0", source="antlr4-python3-runtime"))["omegaconf"] == "2.3.0"


def test_two_packages_without_a_wheel_are_told_at_once(shelf: Shelf) -> None:
    shelf.sdist("one", "1.0")
    shelf.sdist("two", "2.0")
    error = refused(shelf, "one", "two")
    assert type(error) is NoWheel
    assert error.what == "No wheel that fits exists of one 1.0, two 2.0."
    assert error.fix == "Set `from-source` to one, two: the step then builds the wheel."


def test_a_wheel_for_other_pythons_names_them(shelf: Shelf) -> None:
    for python in ("cp312", "cp313"):
        shelf.wheel("fast", "1.0", tag=f"{python}-{python}-manylinux_2_17_x86_64")
    error = refused(shelf, "fast==1.0")
    assert type(error) is WheelForOtherPython
    assert error.what == "fast 1.0 has wheels for Python 3.12, 3.13, and none for that of the environment."
    assert error.fix == "Set `python-version` to 3.13, for which fast 1.0 has a wheel."


def test_neither_a_wheel_nor_an_sdist_is_said(shelf: Shelf) -> None:
    shelf.wheel("tray", "1.0", tag="py3-none-win_amd64")
    error = refused(shelf, "tray==1.0")
    assert type(error) is Unsatisfiable
    assert error.what == "No file of tray 1.0 fits the environment, neither a wheel nor an sdist."
    assert error.fix == "Require another version of tray."


def test_several_causes_come_together(shelf: Shelf) -> None:
    shelf.wheel("fast", "1.0", tag="cp312-cp312-manylinux_2_17_x86_64")
    shelf.sdist("slow", "1.0")
    solver = shelf.solver("fast", "slow")
    error = failures.without_wheels(
        [Lacking("slow", "1.0", "", "", ()), Lacking("fast", "1.0", "", "", ("3.12",))], "", NEEDS
    )
    assert type(error) is Several
    assert failures.lack("fast", "", solver).pythons == ("3.12",)


def test_an_unknown_name_is_said_with_who_requires_it(shelf: Shelf) -> None:
    error = refused(shelf, "acme-nowhere")
    assert type(error) is NameUnknown
    assert error.what == "No package of the name acme-nowhere is on the index."
    shelf.wheel("outer", "1.0", "acme-deep")
    assert refused(shelf, "outer").what == (
        "No package of the name acme-deep (which outer 1.0 requires) is on the index."
    )


@pytest.mark.parametrize(("only", "place"), [(True, "the feed"), (False, "the public index or the feed")])
def test_where_a_name_was_looked_for_is_said(shelf: Shelf, *, only: bool, place: str) -> None:
    solver = shelf.solver()
    solver.sources = Sources(FEED, Secret(""), frozenset(), only=only)
    error = failures.error("Because x was not found in the package registry and you require x", solver)
    assert error.what == f"No package of the name x is on {place}."


def test_a_local_version_is_on_another_index(shelf: Shelf) -> None:
    shelf.wheel("torch", "2.0.0")
    error = refused(shelf, "torch==2.0.0+cu118")
    assert type(error) is LocalVersionElsewhere
    assert error.what.startswith("torch 2.0.0+cu118 is a local version")
    assert "set `torch-backend` to cu118" in error.fix


@pytest.mark.parametrize("asked", ["==9", ">=2"])
def test_a_release_that_nobody_published_is_no_contradiction(shelf: Shelf, asked: str) -> None:
    shelf.wheel("base", "1.0")
    error = refused(shelf, f"base{asked}")
    assert type(error) is Unsatisfiable
    assert error.what == f"No index has a release for base{asked} (the newest is 1.0)."
    assert error.cause.endswith("or hasn't been published yet.")
    assert error.fix == "Require a release that exists, or publish the one that is meant first."


def test_a_contradiction_is_not_blamed_on_wheels_of_years_ago(shelf: Shelf) -> None:
    shelf.wheel("one", "2.0", "base>=3")
    shelf.sdist("one", "0.1")
    shelf.wheel("two", "2.0", "base<3")
    shelf.sdist("two", "0.1")
    shelf.wheel("base", "2.0")
    shelf.wheel("base", "3.0")
    error = refused(shelf, "one>=2", "two>=2")
    assert type(error) is Unsatisfiable
    assert error.what.startswith("uv found no set of versions: ")
    assert "base" in error.what
    assert error.cause == "Requirements contradict each other."


def test_no_explanation_is_no_sentence(shelf: Shelf) -> None:
    assert failures.error("odd", shelf.solver()).what == "uv found no set of versions."


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("HTTP status server error (503 Service Unavailable) for url", "503"),
        ("HTTP status client error (403 Forbidden) for url", "403"),
        ("lack of valid authentication credentials (401 Unauthorized)", "401"),
    ],
)
def test_an_index_with_a_fault_is_said(shelf: Shelf, said: str, status: str) -> None:
    error = failures.error(said, shelf.solver())
    assert type(error) is IndexFailed
    assert f"answered {status}" in error.what


def test_a_cache_that_holds_the_temporary_files_is_no_contradiction(shelf: Shelf) -> None:
    error = failures.error("error: The project directory `.` is inside the cache directory `/tmp`", shelf.solver())
    assert "holds nothing of the step's" in error.fix


def test_a_yanked_release_that_is_pinned_deep_down_is_taken_with_its_reason(shelf: Shelf) -> None:
    shelf.wheel("outer", "1.0", "requests==2.32.0")
    shelf.wheel("requests", "2.32.0", yanked="Yanked due to conflicts with CVE-2024-35195 mitigation")
    shelf.wheel("requests", "2.32.3")
    for asked in ("outer", "requests==2.32.0"):
        locked = shelf.lock(asked)
        assert versions(locked)["requests"] == "2.32.0"
        (warning,) = locked.warnings
        assert warning == "requests 2.32.0 is yanked: Yanked due to conflicts with CVE-2024-35195 mitigation"


def test_a_yanked_release_without_a_reason(shelf: Shelf) -> None:
    shelf.wheel("requests", "2.32.0", yanked="")
    assert shelf.lock("requests==2.32.0").warnings == ("requests 2.32.0 is yanked",)


def test_the_log_is_no_part_of_the_explanation() -> None:
    text = "DEBUG was not found\n  x No solution found when\n  cause: Because a\n"
    assert failures.explanation(text) == "No solution found when\n  cause: Because a"
    assert re.findall("DEBUG", failures.explanation("DEBUG x\nerror: y")) == []


def test_a_private_package_without_a_wheel_is_to_be_published_not_built_from_a_public_one() -> None:
    lacks = [Lacking(name, "1.0", "", "", (), private) for name, private in (("ours", True), ("slow", False))]
    assert advice.from_source(lacks, NEEDS) == (
        "Set `from-source` to slow: the step then builds the wheel. "
        "Publish a wheel of ours that fits, to the index that has it."
    )
    assert advice.from_source(lacks[:1], NEEDS) == "Publish a wheel of ours that fits, to the index that has it."


def test_only_what_a_solution_needs_is_to_be_built(shelf: Shelf) -> None:
    shelf.wheel("top", "1.0", "slow", "noisy")
    shelf.wheel("top", "0.9", "noisy==0.1")  # uv's hints name what this one lacks, too
    shelf.wheel("noisy", "0.2")
    shelf.sdist("noisy", "0.1")
    shelf.sdist("slow", "1.0")
    solver = shelf.solver("top")
    output = solver.solve("--verbose").output
    assert failures.lacking(output) == {"noisy", "slow"}
    assert failures.missing(output, solver)[0] == {"slow"}


def test_what_the_teams_lock_has_as_a_wheel_is_not_to_be_built(shelf: Shelf) -> None:
    shelf.wheel("top", "1.0", "slow; extra == 'more'")
    shelf.sdist("top", "0.9")
    shelf.sdist("slow", "1.0")
    solver = shelf.solver("top[more]")
    solver.requirements = replace(solver.requirements, team=TeamLock("uv.lock", packages={"top": Locked("top", "1.0")}))
    output = solver.solve("--verbose").output
    assert failures.missing(output, solver)[0] == {"slow"}


def test_a_yanked_release_of_years_ago_is_not_pinned_in_vain(shelf: Shelf) -> None:
    shelf.wheel("top", "1.0", "base>=2")
    shelf.wheel("top", "0.9", "old==0.1")
    shelf.wheel("old", "0.1", yanked="broken")
    shelf.wheel("old", "0.2")
    shelf.wheel("base", "1.0")
    with pytest.raises(Unsatisfiable) as caught:
        shelf.lock("top", "old>0.1")
    assert "you require old==0.1" not in caught.value.what


def test_what_has_no_sdist_is_not_to_be_built_because_an_old_release_needs_it(shelf: Shelf) -> None:
    shelf.wheel("top", "1.0", "slow", "fast")
    shelf.wheel("top", "0.9", "fast==0.1")
    shelf.wheel("fast", "0.1", tag="cp38-cp38-manylinux_2_17_x86_64")
    shelf.wheel("fast", "0.2")
    shelf.sdist("slow", "1.0")
    with pytest.raises(NoWheel, match=r"exists of slow 1\.0 \(which top 1\.0 requires\)\.$"):
        shelf.lock("top")
    assert [wheel.project for wheel in shelf.lock("top", source="all").built] == ["slow"]


def test_where_nothing_is_built_the_fix_is_another_version_or_another_route() -> None:
    lacks = [Lacking("slow", "1.0", "", "", ())]
    error = failures.without_wheels(lacks, "", replace(NEEDS, builds=False))
    assert error.fix == (
        "Require a version of slow that has a wheel, or release by another `route`, where `from-source` builds slow."
    )


def test_one_python_is_advised_that_all_packages_and_our_own_take(shelf: Shelf) -> None:
    (ours,) = shelf.needs().wheels
    needs = Requirements((replace(ours, requires_python=SpecifierSet("<3.13")),), (), PYTHON)
    lacks = [Lacking("a", "1", "", "", ("3.10", "3.12", "3.13")), Lacking("b", "2", "", "x 1", ("3.12", "3.13"))]
    error = failures.without_wheels(lacks, "", needs)
    assert error.what == (
        "a 1 has wheels for Python 3.10, 3.12, 3.13; b 2 (which x 1 requires) has wheels for Python 3.12, 3.13, "
        "and none for that of the environment."
    )
    assert error.fix == "Set `python-version` to 3.12, for which a 1 and b 2 have a wheel."
    apart = [replace(lacks[0], pythons=("3.10",)), lacks[1]]
    assert failures.without_wheels(apart, "", needs).fix == (
        "Require versions of a, b that have wheels for one Python that your package takes."
    )


def test_an_extra_that_a_package_lacks_is_warned_of(shelf: Shelf) -> None:
    shelf.wheel("inner", "1.0", "tip; extra == 'fast'\nProvides-Extra: fast")
    shelf.wheel("tip", "1.0")
    shelf.wheel("outer", "1.0", "inner[slow]")
    assert shelf.lock("outer", "inner[fast]", "tip[more,more]").warnings == (
        "inner 1.0 has no extra slow, which is asked of it: nothing is installed for it",
        "tip 1.0 has no extra more, which is asked of it: nothing is installed for it",
    )
