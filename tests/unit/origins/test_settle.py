"""Which index serves which package, and what no index can give: each stop with its own way out."""

from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.errors.base import Several, StepError
from amlwheel.errors.origins import IndexUnusable, SourceNotFollowed, TwoIndexes
from amlwheel.model.package_index import PackageIndex
from amlwheel.origins.declared import PUBLIC, Declared, General, Kind, Origin
from amlwheel.origins.settle import Chosen, Given, is_feed, is_public, settle
from twine.utils import DEFAULT_REPOSITORY
from unit.parts import FEED

CPU, CU126 = "https://download.pytorch.org/whl/cpu", "https://download.pytorch.org/whl/cu126"
PYPI = DEFAULT_REPOSITORY.replace("upload.", "").replace("legacy", "simple")
ARTIFACTS = "https://pkgs.dev.azure.com/Acme/ml/_packaging/wheels@Release/pypi/simple/"
GIVEN = Given((), FEED, only=False)


def origin(name: str, place: str = CPU, kind: Kind = "index", table: str = "the table", detail: str = "") -> Origin:
    return Origin(name, kind, place, table, detail)


def stopped(chosen: Chosen, *names: str) -> StepError:
    with pytest.raises(StepError) as caught:
        chosen.refuse(names)
    return caught.value


def test_an_index_of_a_table_serves_its_packages_alone() -> None:
    chosen = settle(Declared((origin("torch"), origin("torchvision", CPU + "/"), origin("x", CU126))), GIVEN)
    assert chosen.indexes == (
        PackageIndex(CPU, frozenset(["torch", "torchvision"])),
        PackageIndex(CU126, frozenset("x")),
    )
    chosen.refuse(["torch", "numpy"])
    assert chosen.said == []


def test_the_feed_and_the_public_index_are_no_further_indexes() -> None:
    found = Declared((origin("a", ARTIFACTS), origin("b", ARTIFACTS.replace("//", "//acme@")), origin("c", PYPI)))
    chosen = settle(found, GIVEN)
    assert (chosen.indexes, sorted(chosen.from_feed), sorted(chosen.public)) == ((), ["a", "b"], ["c"])
    assert not is_feed("https://pkgs.dev.azure.com/acme/ml/_packaging/other/pypi/simple/", FEED)
    assert not is_feed("not a feed", FEED)
    assert is_public(PUBLIC)
    assert not is_public("file:///x")
    named = settle(Declared(), replace(GIVEN, named=(PackageIndex(PYPI, frozenset(["core"])),)))
    assert named.public == {"core"}


@pytest.mark.parametrize(
    ("origins", "given", "told"),
    [
        (
            (origin("torch"), origin("torch", CU126, table="another")),
            GIVEN,
            f"from {CPU} by the table, and from {CU126}",
        ),
        ((origin("torch"),), replace(GIVEN, named=(PackageIndex(CU126, frozenset(["torch"])),)), "by the inputs"),
        ((origin("torch*"),), replace(GIVEN, named=(PackageIndex(CU126, frozenset(["torch"])),)), "by the inputs"),
        ((origin("torch"),), replace(GIVEN, only=True), "but with `index` only everything comes from the feed"),
    ],
)
def test_two_indexes_for_one_package(origins: tuple[Origin, ...], given: Given, told: str) -> None:
    error = stopped(settle(Declared(origins), given), "torch")
    assert isinstance(error, TwoIndexes)
    assert told in error.what


def test_two_names_of_the_public_index_are_one() -> None:
    assert settle(Declared((origin("six", PYPI), origin("six", PUBLIC))), GIVEN).public == {"six"}


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("", "index 'corp', which no table defines"),
        ("https://me:fake-hidden@i.example/simple", "its address, https://i.example/simple, has a user name"),
        ("http://i.example/simple", "isn't encrypted"),
    ],
)
def test_an_index_that_images_cannot_use(place: str, told: str) -> None:
    chosen = settle(Declared((origin("torch", place, detail="corp"),)), GIVEN)
    chosen.refuse(["numpy"])  # what nobody needs doesn't matter
    error = stopped(chosen, "torch")
    assert isinstance(error, IndexUnusable)
    assert told in error.what
    assert "fake-hidden" not in error.what + error.fix


def test_a_commit_is_built_or_published() -> None:
    fork = origin("fork", "https://token@github.com/acme/fork", "git", detail="rev abc1234")
    error = stopped(settle(Declared((fork,)), GIVEN), "fork", "numpy")
    assert isinstance(error, SourceNotFollowed)
    assert error.what == (
        "fork comes from git https://github.com/acme/fork rev abc1234 by the table, but it is neither part of this run "
        "nor published to acme/ml/wheels."
    )
    build = " `from-source` to fork: the step builds that commit. Or publish it to the feed."
    assert error.fix == (f'Write the commit\'s whole id into the table: rev = "…" with 40 hex digits. Then set{build}')
    whole = origin("fork", "https://github.com/acme/fork", "git", detail=f"rev {'a' * 40}")
    assert stopped(settle(Declared((whole,)), GIVEN), "fork").fix == f"Set{build}"
    without = stopped(settle(Declared((fork,)), Given((), None, only=False)), "fork")
    assert without.what.endswith("but it is no part of this run.")
    assert "publish it to a feed, and name that in `feed`" in without.fix
    from_commit = Given((), None, only=False, from_commit=True)
    assert stopped(settle(Declared((fork,)), from_commit), "fork").fix == (
        "Release by another `route`, where `from-source` builds that commit."
    )
    listed = origin("fork", "lib", "path")
    assert stopped(settle(Declared((listed,)), from_commit), "fork").fix == (
        "To use fork as it is, publish it to a feed, and release by `route` feed."
    )


@pytest.mark.parametrize(
    ("kind", "place", "fix"),
    [
        ("url", "https://i.example/x-1-py3-none-any.whl", "Add a line to `requirements`: x @ https://i.example/x-1"),
        ("url", "https://i.example/x-1.tar.gz", "To use x as it is, publish it to the feed."),
        ("files", "https://i.example/list", "Add a line to `requirements`: x @ ADDRESS-OF-THE-WHEEL."),
        ("path", "wheels/x.whl", "To use x as it is, publish it to the feed."),
        ("workspace", "this workspace", "To use x as it is, publish it to the feed."),
    ],
)
def test_what_no_index_knows(kind: Kind, place: str, fix: str) -> None:
    error = stopped(settle(Declared((origin("x", place, kind),)), GIVEN), "x")
    assert error.fix.startswith(fix)
    assert "An index knows nothing of" in error.cause


def test_a_folder_is_named_for_package_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    core = tmp_path / "libs" / "core"
    core.mkdir(parents=True)
    (core / "pyproject.toml").touch()
    found = Declared((replace(origin("core", "../core", "path"), folder=core),), members={"near": core, "x": core})
    error = stopped(settle(found, GIVEN), "core", "near")
    assert isinstance(error, Several)
    one, other = error.errors
    assert one.what.startswith("core comes from libs/core by the table, but it is neither part of this run")
    assert other.what.startswith("near is developed in libs/core of the same checkout, but")
    assert one.fix == other.fix == "Add a line to `package-dir`: libs/core."
    found_wheels = stopped(settle(found, replace(GIVEN, built=False)), "near")
    assert found_wheels.fix == "Build libs/core as well, and add its wheel to `wheel`."


def test_another_drive_has_no_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> str:
        raise ValueError

    monkeypatch.setattr("os.path.relpath", refuse)
    error = stopped(settle(Declared(members={"near": tmp_path}), GIVEN), "near")
    assert error.fix == f"Add a line to `package-dir`: {tmp_path.as_posix()}."


@pytest.mark.parametrize("named", ["segment", "all"])
def test_a_commit_that_from_source_names_is_built(named: str) -> None:
    given = replace(GIVEN, from_source=frozenset([named]))
    at = origin("segment", "https://github.com/acme/segment", "git", detail=f"rev {'a' * 40}")
    chosen = settle(Declared((replace(at, subdirectory="python"),)), given)
    assert not chosen.bars(["segment"])
    assert chosen.commits["segment"].file.url == (f"git+https://github.com/acme/segment@{'a' * 40}#subdirectory=python")
    tag = replace(at, detail="tag v1")
    assert "40 hex digits" in stopped(settle(Declared((tag,)), given), "segment").fix


def test_the_inputs_decide_about_a_folder_or_a_commit() -> None:
    given = replace(GIVEN, named=(PackageIndex(CPU, frozenset(["fork", "near"])),))
    chosen = settle(Declared((origin("fork", "https://g", "git"),), members={"near": Path("near")}), given)
    chosen.refuse(["fork", "near"])
    assert chosen.indexes == given.named


def test_indexes_for_all_packages_are_told() -> None:
    general = (
        General(CPU, "a"),
        General(CU126, "b", default=True),
        General(ARTIFACTS, "c"),
        General(PYPI, "d", default=True),
    )
    chosen = settle(Declared(general=general), GIVEN)
    assert (chosen.general, chosen.default) == ((CPU,), CU126)
    assert chosen.said == [
        f"{CPU} is asked before the public index for every package, by a.",
        f"{CU126} takes the place of the public index, by b.",
    ]
    behind = settle(Declared(general=(General(PYPI, "a"), General(CPU, "b"))), GIVEN)
    assert (behind.general, behind.said) == ((), [])
    whole = settle(Declared(general=(General(ARTIFACTS, "a", default=True),)), GIVEN)
    assert "here public ones come from the public index" in whole.said[0]
    only = settle(Declared(general=(General(CPU, "a"),)), replace(GIVEN, only=True))
    assert only.said == [f"{CPU} of a isn't asked, since `index` is only."]
    with pytest.raises(IndexUnusable, match="all packages by a can't be used"):
        settle(Declared(general=(General("https://me:fake@i.example", "a"),)), GIVEN)
    mixed = settle(Declared((origin("six", PUBLIC),), (General(CPU, "a"),)), GIVEN)
    assert "takes six from the public index, and" in stopped(mixed, "six").what
