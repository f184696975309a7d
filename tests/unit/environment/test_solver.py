"""What uv is told and what its log says: the real uv on an index made of files."""

from dataclasses import replace

import pytest
from amlwheel.environment.solver import Solver, _specifier, edges
from amlwheel.environment.sources import Sources
from amlwheel.errors.environment import NoWheel
from amlwheel.transport import process
from packaging.specifiers import SpecifierSet
from unit.environment.shelf import NOWHERE, Shelf, shelf, versions
from unit.parts import FEED

__all__ = ["shelf"]

ASKED = ["", "==2.0", ">=1.0,<3", "~=2.0", "<=2.0", ">1.0", "!=1.0", ">=1.0,!=2.5", "==2.*", "!=2.*", "!=1.*,!=2.5"]


@pytest.mark.parametrize("asked", ASKED)
def test_who_requires_what_is_read_from_uvs_log(shelf: Shelf, asked: str) -> None:
    shelf.wheel("outer", "1.0", f"inner[fast]{asked}")
    for version in ("1.0", "2.0", "2.5"):
        shelf.wheel("inner", version, "tip; extra == 'fast'")
    shelf.wheel("tip", "1.0")
    finished = shelf.solver("outer").solve("--verbose")
    found = edges(finished.output, {"outer": "1.0", "acme-churn": "1.2.3"})
    assert found["outer"] == [("acme-churn 1.2.3", "")]
    specifiers = {specifier for parent, specifier in found["inner"] if parent == "outer 1.0"}
    assert specifiers
    fitting = [each for each in ("1.0", "2.0", "2.5") if each in SpecifierSet(asked)]
    for specifier in specifiers:
        assert fitting == list(SpecifierSet(specifier).filter(["1.0", "2.0", "2.5"]))
    assert "tip" in edges(finished.output)


@pytest.mark.parametrize(
    ("said", "specifier"),
    [
        ("*", ""),
        (">=1.0, <1.0+", "==1.0"),
        (">=1.0, <2.0", ">=1.0,<2.0"),
        ("<1.0 | >1.0", "!=1.0"),
        (">=1.0, <1.5 | >1.5+, <2.0", ">=1.0,<2.0,!=1.5"),
        ("<2.1.dev0 | >=2.2.dev0", "!=2.1.*"),
        ("<1.dev0 | >=2.dev0, <2.5 | >=2.5+", "!=1.*,!=2.5"),
        ("<1.0 | >=2.0", ""),
        ("<=2.0+", "<=2.0"),
    ],
)
def test_a_range_of_uv_is_a_specifier(said: str, specifier: str) -> None:
    assert _specifier(said) == specifier


def test_the_newest_of_what_can_be_asked_together_or_not_at_all(shelf: Shelf) -> None:
    for version in ("1.0", "2.0", "3.0rc1"):
        shelf.wheel("one", version)
    shelf.sdist("two", "2.0")
    solver = shelf.solver()
    assert solver.newest({"one": ["<2", ""], "two": [""]}) == {"one": "1.0", "two": "2.0"}
    assert solver.newest({"one": [">=2"], "two": [">5"], "three": [""]}) == {"one": "2.0"}
    assert not shelf.ran.exists()


@pytest.mark.parametrize(
    ("sources", "known", "asked"),
    [
        (NOWHERE, True, ["--offline"]),  # the solution has just asked for the pages
        (NOWHERE, False, ["--offline", "--quiet"]),  # no cache keeps them
        (replace(NOWHERE, general=("https://x.invalid/",)), True, ["--quiet"]),  # offline uv would go on to the next
        (replace(NOWHERE, feed=FEED, published=None), True, ["--quiet"]),
        (replace(NOWHERE, feed=FEED, published=None, only=True), True, ["--offline"]),
    ],
)
def test_no_page_is_asked_for_again_to_tell_the_newest(
    monkeypatch: pytest.MonkeyPatch, shelf: Shelf, sources: Sources, asked: list[str], *, known: bool
) -> None:
    seen = list[str]()

    def run(_: object, needs: list[str], *options: str) -> process.Finished:
        assert needs == ["one<2"]
        seen.append(options[-1])
        return process.Finished(int(options[-1] == "--offline" and not known), "one==1.0\n")

    monkeypatch.setattr(Solver, "_run", run)
    assert replace(shelf.solver(), sources=sources).newest({"one": ["<2"]}) == {"one": "1.0"}
    assert seen == asked


def test_the_newest_for_this_python_where_releases_differ(shelf: Shelf) -> None:
    shelf.sdist("one", "1.0")
    shelf.sdist("one", "2.0", more="Requires-Python: >=3.13\n")
    assert "one" in shelf.solver().newest({"one": [""]})


def test_what_the_wheel_of_an_sdist_requires_is_locked_then(shelf: Shelf) -> None:
    shelf.sdist("slow", "1.0", "deep>=1", "tip; extra == 'fast'")
    shelf.wheel("deep", "1.0")
    shelf.wheel("tip", "1.0")
    locked = shelf.lock("slow[fast]", source="slow")
    assert versions(locked) == {"slow": "1.0", "deep": "1.0", "tip": "1.0"}
    assert [each.name for each in shelf.built] == ["slow"]
    (pin,) = [pin for pin in locked.pins if pin.name == "slow"]
    assert (pin.sha256, pin.private) == ((locked.built[0].sha256,), True)
    assert not shelf.ran.exists()


def test_another_version_is_built_when_the_first_contradicts(shelf: Shelf) -> None:
    shelf.sdist("slow", "1.0", "deep<2")
    shelf.sdist("slow", "2.0", "deep>=2")
    for version in ("1.0", "2.0"):
        shelf.wheel("deep", version)
    locked = shelf.lock("slow", "deep<2", source="slow")
    assert versions(locked) == {"slow": "1.0", "deep": "1.0"}
    assert [each.version for each in shelf.built] == ["2.0", "1.0"]
    assert [str(wheel.version) for wheel in locked.built] == ["1.0"]


def test_what_a_built_wheel_needs_may_itself_lack_a_wheel(shelf: Shelf) -> None:
    shelf.sdist("slow", "1.0", "slower")
    shelf.sdist("slower", "1.0")
    with pytest.raises(NoWheel) as caught:
        shelf.lock("slow", source="slow")
    assert caught.value.what == "No wheel that fits exists of slower 1.0 (which slow 1.0 requires)."
    assert versions(shelf.lock("slow", source="all")) == {"slow": "1.0", "slower": "1.0"}


def test_an_older_sdist_is_not_taken_for_want_of_a_wheel_deeper_down(shelf: Shelf) -> None:
    shelf.sdist("slow", "1.0")
    shelf.sdist("slow", "2.0", "slower")
    shelf.sdist("slower", "1.0")
    with pytest.raises(NoWheel, match=r"slower 1\.0 \(which slow 2\.0 requires\)"):
        shelf.lock("slow", source="slow")
    assert versions(shelf.lock("slow", source="all")) == {"slow": "2.0", "slower": "1.0"}


def test_with_all_a_package_without_any_wheel_is_built_and_one_with_a_wheel_is_not(shelf: Shelf) -> None:
    shelf.sdist("slow", "1.0")
    shelf.wheel("fine", "1.0")
    shelf.sdist("fine", "1.0")
    locked = shelf.lock("slow", "fine", source="all")
    assert [wheel.project for wheel in locked.built] == ["slow"]
    assert locked.warnings == ()


def test_a_name_that_is_not_needed_is_warned_of(shelf: Shelf) -> None:
    shelf.wheel("fine", "1.0")
    assert shelf.lock("fine", source="typo").warnings == ("`from-source` names typo, which the lock doesn't need.",)


def test_a_named_package_with_a_wheel_is_built_all_the_same(shelf: Shelf) -> None:
    shelf.wheel("fine", "1.0")
    shelf.sdist("fine", "1.0")
    locked = shelf.lock("fine", source="fine")
    assert [wheel.project for wheel in locked.built] == ["fine"]
