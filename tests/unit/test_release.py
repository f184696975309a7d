"""What `scripts/release` replaces: no placeholder is left, and one that it doesn't know is found."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from amlwheel import __version__
from manifest import azure_pipelines
from publishing import checks, words
from publishing.words import Release
from unit.parts import ROOT
from unit.test_scripts import load
from vsix import check, pack

release = load("release")
COMMIT = "0123456789abcdef" * 2 + "01234567"
_, BEFORE = release.described(release.parsed(["9.8.7"]))
TO = Release("9.8.7", "2027-01-02", BEFORE.before, "acme-ml", "acme", public=True)
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in words.files(ROOT)}


def made(name: str) -> str:
    """Return a file as both commits of a release leave it."""
    return words.pinned(words.released(name, TEXTS[name], TO), TO.owner, TO.version, COMMIT)


def test_no_placeholder_is_left() -> None:
    found = {name: list(words.left(made(name), TO.owner, TO.version)) for name in TEXTS}
    assert {name: lines for name, lines in found.items() if lines} == {}, "teach scripts/publishing/words.py this place"


def test_every_place_that_names_the_release_is_replaced() -> None:
    assert f'HOME = "https://github.com/{TO.owner}/amlwheel"' in made("action/amlwheel/errors/base.py")
    assert '__version__ = "9.8.7"' in made("action/amlwheel/__init__.py")
    assert '\nversion = "9.8.7"\n' in made("pyproject.toml")
    assert "placeholder: 9.8.7," in made(".github/ISSUE_TEMPLATE/bug.yml")
    assert f"git clone --depth 1 --branch v9.8.7 https://github.com/{TO.owner}/amlwheel" in made("docs/inputs.md")
    assert "ref: refs/tags/v9.8.7 #" in made("templates/azure-pipelines/release.yml")
    assert f"uses: acme-ml/amlwheel@{COMMIT} # v9.8.7\n" in made("templates/github/release.yml")
    assert f"uses: acme-ml/amlwheel/action/consume@{COMMIT} # v9.8.7\n" in made("templates/github/train.yml")
    extension = json.loads(made("extension/vss-extension.json"))
    assert (extension["publisher"], extension["public"]) == ("acme", True)


def test_the_next_release_replaces_what_the_last_one_wrote() -> None:
    later = Release("10.0.0", "2027-02-01", "acme-ml", "acme-ml", "acme", public=False)
    names = [name for name, text in TEXTS.items() if "amlwheel" in text and not name.endswith(".py")]
    for name in ["action/amlwheel/errors/base.py", *names]:
        text = words.pinned(words.released(name, made(name), later), "acme-ml", "10.0.0", "f" * 40)
        assert list(words.left(text, "acme-ml", "10.0.0")) == []
        assert COMMIT not in text


def test_what_users_fill_in_stays() -> None:
    text = "repo:OWNER/REPOSITORY:environment:release https://HOST/OWNER/REPO@COMMIT # the full id; OWNER/<wbr>REPO"
    assert words.pinned(words.released("README.md", text, TO), TO.owner, TO.version, COMMIT) == text
    assert list(words.left(text, TO.owner, TO.version)) == []


@pytest.mark.parametrize(
    "line",
    [
        "see https://github.com/YOUR-ORG/amlwheel",
        "uses: acme-ml/amlwheel/new@COMMIT",
        "uses: acme-ml/amlwheel@<the commit>",
        "ref: refs/tags/v0.0.9",
        "git clone --branch v0.0.9 https://github.com/acme-ml/amlwheel",
        'publisher: "PUBLISHER"',
        "write to the OWNER",
        "TODO: the address",
    ],
)
def test_a_placeholder_that_nobody_foresaw_is_found(line: str) -> None:
    assert list(words.left(f"first\n{line}\n", TO.owner, TO.version)) == [line]


def test_the_changelog_gets_its_version_and_gives_the_notes() -> None:
    text = "# Changelog\n\n## Unreleased\n\n### Added\n\n- One.\n\n## 0.0.1 - 2026-01-01\n\n- Zero.\n"
    done = words.dated(text, TO)
    assert done.startswith("# Changelog\n\n## Unreleased\n\n## 9.8.7 - 2027-01-02\n\n### Added\n")
    assert words.notes(done, "9.8.7") == "### Added\n\n- One."
    assert words.notes(done, "0.0.1") == "- Zero."
    assert words.notes(done, "0.0") == ""


def small(place: Path, changelog: str) -> Path:
    """Return a repository of one commit, with the tag of an earlier release."""
    place.joinpath("CHANGELOG.md").write_text(changelog)
    identity = ["-c", "user.name=a", "-c", "user.email=a@acme.invalid"]
    git = [shutil.which("git") or "git", "-C", str(place), *identity]
    for line in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["tag", "v0.3.0"]):
        subprocess.run([*git, *line], check=True)
    return place


CHANGES = "## Unreleased\n\n- New.\n\n## 0.2.0 - 2026-01-01\n"


def test_what_stands_in_the_way_is_said_all_at_once(tmp_path: Path) -> None:
    place = small(tmp_path, CHANGES)
    good = Release("0.4.0", "2027-01-02", "OWNER", "acme", "acme", public=False)
    assert list(checks.before(place, good, "0.1.0")) == []
    bad = Release("0.3.0", "2027-01-02", "OWNER", "OWNER", "", public=False)
    (place / "CHANGELOG.md").write_text("## Unreleased\n\n## 0.3.1 - 2026-01-01\n\n- Old.\n")
    said = "\n".join(checks.before(place, bad, "0.1.0"))
    for each in ("has changes", "isn't newer than 0.3.1", "v0.3.0 is there", "no entry", "--owner", "--publisher"):
        assert each in said


@pytest.mark.parametrize(
    ("version", "now", "said"),
    [
        ("0.2", "0.1.0", "isn't a version"),
        ("v0.4.0", "0.1.0", "isn't a version"),
        ("0.2.0", "0.1.0", "isn't newer than 0.2.0"),
        ("0.10.0", "0.1.0", ""),
        ("0.4.0", "0.5.0", "isn't newer than 0.5.0"),
    ],
)
def test_a_version_is_newer_than_those_before(version: str, now: str, said: str, tmp_path: Path) -> None:
    to = Release(version, "2027-01-02", "acme", "acme", "acme", public=False)
    found = list(checks.before(small(tmp_path, CHANGES), to, now))
    assert (said in found[0]) if said else found == []


def test_a_first_release_asks_for_owner_and_publisher() -> None:
    now, to = release.described(release.parsed(["0.2.0"]))
    assert now == __version__
    if to.before == words.UNNAMED:
        assert (to.owner, to.publisher) == (words.UNNAMED, "")


def test_pictures_are_shown_where_there_are_some(tmp_path: Path) -> None:
    for name in ("extension", "tests/schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "action").mkdir()
    for name in ("azure-pipelines-task.json", "LICENSE", "action/launch.js"):
        shutil.copy(ROOT / name, tmp_path / name)
    assert azure_pipelines.extension(tmp_path) == (ROOT / "extension/vss-extension.json").read_text("utf-8")
    (tmp_path / "extension/screenshots").mkdir(exist_ok=True)
    for name in ("b.png", "a.png"):
        shutil.copy(ROOT / "extension/icon.png", tmp_path / "extension/screenshots" / name)
    manifest = tmp_path / "extension/vss-extension.json"
    manifest.write_text(azure_pipelines.extension(tmp_path), "utf-8")
    pictures = [each["path"] for each in json.loads(manifest.read_text("utf-8"))["screenshots"]]
    assert pictures[:2] == ["screenshots/a.png", "screenshots/b.png"]
    assert check.problems(tmp_path) == []
    pack.staged(tmp_path, tmp_path / "stage")
    assert (tmp_path / "stage/screenshots/a.png").exists()
    (tmp_path / "extension/screenshots/a.png").unlink()
    assert check.problems(tmp_path) == ["extension: there is no screenshots/a.png"]


def test_renovate_finds_every_reference_of_the_templates() -> None:
    """Renovate's engine is RE2, which spells a named group without Python's P."""
    (manager,) = json.loads((ROOT / "templates/updates/renovate.json").read_text("utf-8"))["customManagers"]
    (pattern,) = manager["matchStrings"]
    files = [path for path in (ROOT / "templates/azure-pipelines").glob("*.yml") if "refs/tags/v0" in path.read_text()]
    assert len(files) == 6
    for path in files:
        found = re.search(pattern.replace("(?<", "(?P<"), path.read_text("utf-8"))
        assert found
        assert found["currentValue"] == f"v{__version__}"
        assert re.search(manager["managerFilePatterns"][0].strip("/"), path.name)


def test_the_samples_are_as_the_hosts_read_them() -> None:
    """Dependabot and Renovate raise a commit together with the version in the comment behind it."""
    for path in (ROOT / "templates/github").glob("*.yml"):
        text = made(path.relative_to(ROOT).as_posix())
        for line in re.findall(r"uses: (?!\./)(.*)", text):
            assert re.fullmatch(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
