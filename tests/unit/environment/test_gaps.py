"""Whether something is older than it may be, and why: the real uv on an index made of files."""

from dataclasses import replace

import pytest
from amlwheel.environment import gaps
from amlwheel.environment.advice import Lacking
from amlwheel.environment.lock import resolve
from amlwheel.environment.requirements import Requirements
from amlwheel.errors.environment import OlderVersion
from packaging.requirements import Requirement
from unit.environment.shelf import NOWHERE, PYTHON, Shelf, shelf, versions

__all__ = ["shelf"]


def hydra(shelf: Shelf) -> None:
    """Fill the shelf with a package whose newer releases need one that has no wheel."""
    shelf.wheel("hydra-core", "0.11.3", "omegaconf")
    shelf.wheel("hydra-core", "1.3.8", "omegaconf", "antlr4-python3-runtime==4.9.*")
    shelf.wheel("omegaconf", "2.3.0")
    shelf.sdist("antlr4-python3-runtime", "4.9.3")


def test_a_requirement_is_never_older_for_want_of_a_deep_wheel(shelf: Shelf) -> None:
    hydra(shelf)
    with pytest.raises(OlderVersion) as caught:
        shelf.lock("hydra-core")
    assert caught.value.what == (
        "hydra-core 0.11.3 in place of 1.3.8, because antlr4-python3-runtime 4.9.3 has no wheel that fits."
    )
    assert caught.value.fix == "Set `from-source` to antlr4-python3-runtime: the step then builds the wheel."


@pytest.mark.parametrize("source", ["antlr4-python3-runtime", "all"])
def test_with_the_named_package_built_the_newest_is_locked(shelf: Shelf, source: str) -> None:
    hydra(shelf)
    locked = shelf.lock("hydra-core", source=source)
    assert versions(locked) == {"hydra-core": "1.3.8", "omegaconf": "2.3.0", "antlr4-python3-runtime": "4.9.3"}
    assert (locked.warnings, locked.gaps) == ((), ())
    assert [wheel.project for wheel in locked.built] == ["antlr4-python3-runtime"]
    assert not shelf.ran.exists()


@pytest.mark.parametrize("asked", ["hydra-core<1", "hydra-core==0.11.3", "hydra-core!=1.3.8"])
def test_what_the_user_pins_or_bounds_is_obeyed_without_a_word(shelf: Shelf, asked: str) -> None:
    hydra(shelf)
    locked = shelf.lock(asked)
    assert versions(locked) == {"hydra-core": "0.11.3", "omegaconf": "2.3.0"}
    assert (locked.warnings, locked.gaps) == ((), ())


def test_a_direct_requirement_whose_newest_release_is_an_sdist_stops(shelf: Shelf) -> None:
    shelf.wheel("rouge-score", "0.0.4")
    shelf.sdist("rouge-score", "0.1.2")
    with pytest.raises(OlderVersion, match=r"rouge-score 0\.0\.4 in place of 0\.1\.2, because rouge-score 0\.1\.2 has"):
        shelf.lock("rouge-score")


def test_the_same_deeper_down_is_a_warning(shelf: Shelf) -> None:
    shelf.wheel("outer", "1.0", "rouge-score")
    shelf.wheel("rouge-score", "0.0.4")
    shelf.sdist("rouge-score", "0.1.2")
    locked = shelf.lock("outer")
    assert versions(locked) == {"outer": "1.0", "rouge-score": "0.0.4"}
    (warning,) = locked.warnings
    assert warning == (
        "rouge-score 0.0.4 in place of 0.1.2, because rouge-score 0.1.2 has no wheel that fits. "
        "Set `from-source` to rouge-score: the step then builds the wheel."
    )


def test_a_newer_release_that_conflicts_is_told_and_no_more(shelf: Shelf) -> None:
    shelf.wheel("one", "1.0", "base")
    shelf.wheel("one", "2.0", "base>=3")
    shelf.wheel("two", "1.0", "base<3")
    shelf.wheel("base", "2.0")
    shelf.wheel("base", "3.0")
    locked = shelf.lock("one", "two")
    assert versions(locked) == {"one": "1.0", "two": "1.0", "base": "2.0"}
    assert locked.warnings == ()
    assert locked.gaps == ("one 1.0 in place of 2.0, which other requirements exclude",)


def test_two_reasons_stand_in_one_sentence() -> None:
    lacks = tuple(Lacking(name, "1", "", "", ()) for name in ("a", "b"))
    assert (
        str(gaps.Gap("x", "1", "2", direct=True, lacks=lacks))
        == "x 1 in place of 2, because a 1 and b 1 have no wheel that fits"
    )


def test_such_a_conflict_deeper_down_is_told_too(shelf: Shelf) -> None:
    shelf.wheel("outer", "1.0", "one", "two")
    shelf.wheel("one", "1.0", "base")
    shelf.wheel("one", "2.0", "base>=3")
    shelf.wheel("two", "1.0", "base<3")
    shelf.wheel("base", "2.0")
    shelf.wheel("base", "3.0")
    locked = shelf.lock("outer")
    assert locked.gaps == ("one 1.0 in place of 2.0, which other requirements exclude",)


def test_what_is_required_by_address_has_no_newer_release(shelf: Shelf) -> None:
    shelf.wheel("model", "1.0")
    shelf.wheel("model", "2.0")
    place = next((shelf.folder / "files").glob("model-1.0-*.whl")).as_uri()
    wanted = replace(shelf.needs(), more=(Requirement(f"model @ {place}"),))
    locked = resolve(wanted, NOWHERE, lambda: None, print)
    assert (versions(locked), locked.gaps) == ({"model": "1.0"}, ())


def fast(shelf: Shelf, *versions: str, tag: str = "cp312-cp312-manylinux_2_17_x86_64") -> None:
    """Put releases on the shelf that have a wheel for another Python or system, and no sdist."""
    for each in versions:
        shelf.wheel("fast", each, tag=tag)


def stop(shelf: Shelf, *needs: str, source: str = "", builds: bool = True) -> tuple[str, str]:
    """Return what happened and the fix of the stop."""
    wanted = replace(shelf.needs(*needs, source=source), builds=builds)
    with pytest.raises(OlderVersion) as caught:
        resolve(wanted, NOWHERE, lambda: None, print, shelf.build)
    return caught.value.what, caught.value.fix


def test_what_has_wheels_for_other_pythons_alone_is_not_to_be_built(shelf: Shelf) -> None:
    shelf.wheel("fast", "1.0")
    shelf.sdist("fast", "1.0")
    fast(shelf, "2.0")
    assert stop(shelf, "fast") == (
        "fast 1.0 in place of 2.0, because fast 2.0 has no wheel that fits.",
        "Set `python-version` to 3.12, for which fast 2.0 has a wheel.",
    )


def test_a_deep_package_with_wheels_for_other_pythons_alone_is_the_reason_too(shelf: Shelf) -> None:
    shelf.wheel("top", "1.0")
    shelf.wheel("top", "2.0", "fast==2.0")
    fast(shelf, "2.0")
    assert stop(shelf, "top") == (
        "top 1.0 in place of 2.0, because fast 2.0 has no wheel that fits.",
        "Set `python-version` to 3.12, for which fast 2.0 has a wheel.",
    )


def test_what_fits_nowhere_is_to_be_required_as_it_is(shelf: Shelf) -> None:
    shelf.wheel("fast", "1.0")
    fast(shelf, "2.0", tag="py3-none-win_amd64")
    assert stop(shelf, "fast")[1] == "To take the older release, require fast<=1.0."
    assert versions(shelf.lock("fast<=1.0")) == {"fast": "1.0"}


def test_what_is_to_be_built_and_has_no_sdist_is_never_older_in_silence(shelf: Shelf) -> None:
    shelf.wheel("fast", "1.0")
    shelf.sdist("fast", "1.0")
    shelf.wheel("fast", "2.0")
    assert stop(shelf, "fast", source="fast") == (
        "fast 1.0 in place of 2.0, because fast 2.0 has no sdist.",
        "Take fast out of `from-source`.",
    )


def test_images_that_build_the_commit_alone_are_not_advised_to_build_more(shelf: Shelf) -> None:
    hydra(shelf)
    assert stop(shelf, "hydra-core", builds=False)[1] == (
        "To take the older release, require hydra-core<=0.11.3, or release by another `route`, where `from-source` "
        "builds antlr4-python3-runtime."
    )


def test_a_conflict_is_not_blamed_on_what_an_old_release_lacks(shelf: Shelf) -> None:
    shelf.wheel("one", "1.0", "base")
    shelf.wheel("one", "2.0", "base>=3", "old")
    shelf.wheel("two", "1.0", "base<3")
    shelf.wheel("base", "2.0")
    shelf.wheel("base", "3.0")
    shelf.sdist("old", "1.0")
    assert shelf.lock("one", "two").gaps == ("one 1.0 in place of 2.0, which other requirements exclude",)


def test_each_gap_is_mended_as_far_as_it_can_be() -> None:
    python = Lacking("fast", "2", "", "", ("3.12",), sdist=False)
    lost = Lacking("tray", "2", "", "", (), sdist=False)
    other = Lacking("slow", "2", "", "", ("3.10",), sdist=False)
    listed = [gaps.Gap(each.name, "1", "2", direct=True, lacks=(each,)) for each in (python, lost, other)]
    with pytest.raises(OlderVersion) as caught:
        gaps.Gaps(tuple(listed), Requirements((), (), PYTHON)).refuse()
    assert caught.value.fix == (
        "Set `python-version` to 3.12, for which fast 2 has a wheel. "
        "To take the older release, require tray<=1, slow<=1."
    )


def test_a_pinned_pre_release_deeper_down_hides_no_reason(shelf: Shelf) -> None:
    shelf.wheel("top", "1.0")
    shelf.wheel("top", "2.0", "beta==0.54b0", "slow")
    shelf.wheel("beta", "0.54b0")
    shelf.sdist("slow", "1.0")
    assert stop(shelf, "top")[0] == "top 1.0 in place of 2.0, because slow 1.0 has no wheel that fits."


def test_a_deep_package_that_is_to_be_built_and_has_no_sdist_is_the_reason_too(shelf: Shelf) -> None:
    shelf.wheel("top", "1.0")
    shelf.wheel("top", "2.0", "fast==2.0")
    shelf.wheel("fast", "2.0")
    assert stop(shelf, "top", source="fast") == (
        "top 1.0 in place of 2.0, because fast 2.0 has no sdist.",
        "Take fast out of `from-source`.",
    )


def test_more_gaps_than_are_looked_into_are_told_all_the_same(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "_MOST", 0)
    shelf.wheel("rouge-score", "0.0.4")
    shelf.sdist("rouge-score", "0.1.2")
    assert shelf.lock("rouge-score").gaps == ("rouge-score 0.0.4 in place of 0.1.2, which other requirements exclude",)


def test_a_requirement_that_another_package_holds_back_is_told_with_its_name(shelf: Shelf) -> None:
    shelf.wheel("outer", "1.0", "base<3")
    shelf.wheel("base", "2.0")
    shelf.wheel("base", "3.0")
    assert shelf.lock("outer", "base").gaps == ("base 2.0 in place of 3.0, which outer 1.0 excludes",)
    assert shelf.lock("outer", "base<3").gaps == ()


def test_what_holds_a_requirement_back_may_be_older_for_want_of_a_wheel(shelf: Shelf) -> None:
    shelf.wheel("outer", "1.0", "mid")
    shelf.wheel("mid", "1.0", "base<3")
    shelf.sdist("mid", "2.0")
    shelf.wheel("base", "2.0")
    shelf.wheel("base", "3.0")
    assert stop(shelf, "outer", "base") == (
        "base 2.0 in place of 3.0, because mid 2.0 has no wheel that fits.",
        "Set `from-source` to mid: the step then builds the wheel.",
    )


def test_a_conflict_over_a_package_is_not_blamed_on_a_release_of_it_without_a_wheel(shelf: Shelf) -> None:
    shelf.wheel("server", "1.0")
    shelf.wheel("server", "2.0", "model>=2")
    shelf.sdist("model", "2.0")
    shelf.wheel("model", "2.1", "words>=4")
    shelf.wheel("words", "3.0")
    shelf.wheel("words", "4.0")
    assert shelf.lock("server", "words==3.0").gaps == ("server 1.0 in place of 2.0, which other requirements exclude",)
