"""A pushed tag names the version of a package, in the spellings of monorepos."""

import os
from pathlib import Path

import pytest
from amlwheel.build import tag
from amlwheel.errors.build import CheckoutChanged, TagMismatch
from unit.build.checkouts import git, repository
from unit.parts import make


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in no repository: the packages around would count."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        ("1.2.3", ["v1.2.3", "1.2.3", "V1.2.3", "v1.2.3.0"]),
        ("1.2.3", ["acme-churn-v1.2.3", "acme_churn-1.2.3", "Acme.Churn-v1.2.3"]),
        ("1.0rc1", ["v1.0rc1", "v1.0-rc1", "v1.0.RC.1", "1.0.0rc1", "acme-churn-v1.0-rc1", "acme-churn-1.0rc1"]),
        ("1.0.post2", ["v1.0.post2", "v1.0-2", "acme-churn-v1.0-2"]),
        ("1!2.0", ["v1!2.0", "1!2"]),
        ("2026.5", ["2026.05", "v2026.5"]),
    ],
)
def test_a_tag_says_the_version_in_any_spelling(tmp_path: Path, version: str, tags: list[str]) -> None:
    built = make(tmp_path, f"acme_churn-{version}-py3-none-any.whl")
    for pushed in tags:
        tag.check(pushed, [built], [])


def test_with_several_packages_a_tag_names_one_or_means_the_first(tmp_path: Path) -> None:
    wheels = [make(tmp_path, "acme_churn-1.0-py3-none-any.whl"), make(tmp_path, "acme-2.0-py3-none-any.whl")]
    for pushed in ("v1.0", "acme-churn-v1.0", "acme-v2.0"):
        tag.check(pushed, wheels, [])
    for pushed, must in (("v2.0", "v1.0, 1.0 or acme-churn-v1.0"), ("acme-v1.0", "must be acme-v2.0")):
        with pytest.raises(TagMismatch, match=must):
            tag.check(pushed, wheels, [])


@pytest.mark.parametrize(
    "pushed", ["v1.2.4", "release", "-v1.2.3", "other-v1.2.3", "acme-churn", "v1.2.3-acme-churn", ""]
)
def test_a_tag_that_says_something_else_is_refused_with_what_it_must_be(tmp_path: Path, pushed: str) -> None:
    with pytest.raises(TagMismatch, match=r"must be v1\.2\.3, 1\.2\.3 or acme-churn-v1\.2\.3"):
        tag.check(pushed, [make(tmp_path)], [])


@pytest.mark.parametrize("front", ["acme-churn", "acme_churn", "Acme.Churn", "python/acme-churn", "release/acme-churn"])
@pytest.mark.parametrize("separator", ["-", "/", "@", "==", "_"])
@pytest.mark.parametrize("version", ["v1.2.3", "1.2.3"])
def test_a_packages_name_may_stand_in_front(tmp_path: Path, front: str, separator: str, version: str) -> None:
    tag.check(f"{front}{separator}{version}", [make(tmp_path)], [])
    tag.check(f"refs/tags/{front}{separator}{version}", [make(tmp_path)], [])
    with pytest.raises(TagMismatch, match=r"has version 1\.2\.3"):
        tag.check(f"{front}{separator}{version}.1", [make(tmp_path)], [])


@pytest.mark.parametrize(
    ("filename", "pushed"),
    [
        ("acme_1-2.0-py3-none-any.whl", "acme-1-2.0"),
        ("acme_1-2.0-py3-none-any.whl", "packages/acme_1_v2.0"),
        ("v1_acme-2.0rc1-py3-none-any.whl", "v1-acme/v2.0-rc1"),
        ("v1_acme-2.0.post1-py3-none-any.whl", "v1_acme@2.0_1".replace("_1", "-1")),
        ("release-2.0-py3-none-any.whl", "release/2.0"),
    ],
)
def test_names_and_versions_may_have_separators(tmp_path: Path, filename: str, pushed: str) -> None:
    tag.check(pushed, [make(tmp_path, filename)], [])


@pytest.mark.parametrize(
    "pushed", ["release/1.2.3", "releases/v1.2.3", "release-1.2.3", "python/v1.2.3", "versions/1.2.3"]
)
def test_a_word_in_front_means_the_first_package(tmp_path: Path, pushed: str) -> None:
    other = make(tmp_path, "acme-2.0-py3-none-any.whl")
    tag.check(pushed, [make(tmp_path), other], [])
    with pytest.raises(TagMismatch):
        tag.check(pushed, [other], [])


@pytest.mark.parametrize(
    "pushed", ["latest", "2026-11-28", "acme-churn/2026-11-28", "other/1.2.3", "acme-churn", "@1.2.3"]
)
def test_other_tags_are_refused(tmp_path: Path, pushed: str) -> None:
    with pytest.raises(TagMismatch, match="must be v1"):
        tag.check(pushed, [make(tmp_path)], [])


def test_the_version_of_another_name_is_not_called_unchanged(tmp_path: Path) -> None:
    with pytest.raises(TagMismatch) as caught:
        tag.check("acme-other/v1.2.3", [make(tmp_path)], [])
    assert caught.value.cause.startswith("What stands before the version is neither")
    assert "or let only tags of acme-churn start" in caught.value.fix


def test_the_versions_that_a_tool_may_have_written() -> None:
    assert tag.versions("acme-2-v1.2.0") == ["1.2.0"]
    assert tag.versions("latest") == []


def monorepo(folder: Path) -> Path:
    files = {
        f"packages/{each}/pyproject.toml": f'[project]\nname = "acme-{each}"\nversion = "0.3.0"\n'
        for each in ("core", "train")
    }
    return repository(folder, {**files, "pyproject.toml": "[tool.ruff]\n"})


def test_the_folder_stands_for_its_package(tmp_path: Path) -> None:
    place = monorepo(tmp_path / "code")
    train = make(tmp_path, "acme_train-0.3.0-py3-none-any.whl")
    for pushed in ("train/v0.3.0", "packages/train/v0.3.0", "train-0.3.0"):
        tag.check(pushed, [train], [str(place / "packages/train")])


@pytest.mark.parametrize("pushed", ["acme-core/v0.3.0", "packages/acme-core@0.3.0", "release/acme_core-0.2.0"])
def test_a_tag_of_another_package_of_the_repository_is_refused(tmp_path: Path, pushed: str) -> None:
    place = monorepo(tmp_path / "code")
    train = make(tmp_path, "acme_train-0.3.0-py3-none-any.whl")
    with pytest.raises(TagMismatch, match="names acme-core, another package of this repository") as caught:
        tag.check(pushed, [train], [str(place / "packages/train")])
    assert f"Set `package-dir` to {place / 'packages/core'} for this tag" in caught.value.fix
    os.chdir(place)
    for folders in (["packages/train"], []):
        with pytest.raises(TagMismatch) as caught:
            tag.check(pushed, [train], folders)
        assert "Set `package-dir` to packages/core for this tag" in caught.value.fix


def test_a_version_from_git_names_what_changed_it(tmp_path: Path) -> None:
    place = monorepo(tmp_path / "code")
    built, folders = make(tmp_path, "acme_train-0.3.1.dev0+g1-py3-none-any.whl"), [str(place / "packages/train")]
    with pytest.raises(TagMismatch, match=r"made from git is 0\.3\.1\.dev0") as shallow:
        tag.check("v0.3.0", [built], folders)
    assert "fetch-depth: 0; before a rehearsal make the tag" in shallow.value.fix
    (place / "pyproject.toml").write_text("")  # outside the package's folder
    with pytest.raises(CheckoutChanged, match=r"The checkout is changed: pyproject\.toml"):
        tag.check("v0.3.0", [built], folders)
    git(place, "checkout", "--", "pyproject.toml")
    (place / "report.xml").touch()
    with pytest.raises(TagMismatch):
        tag.check("v0.3.0", [built], folders)
    with (place / "packages/train/pyproject.toml").open("a") as file:
        file.write('[build-system]\nrequires = ["poetry-dynamic-versioning"]\n')
    git(place, "commit", "-qam", "another tool")
    with pytest.raises(CheckoutChanged, match=r"The checkout is changed: report\.xml"):
        tag.check("v0.3.0", [built], folders)
