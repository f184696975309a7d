"""A checkout that isn't what was committed is told before the build."""

import shutil
from pathlib import Path

import pytest
from amlwheel.build import checkout
from amlwheel.errors.build import CheckoutChanged, CheckoutIncomplete
from unit.build.checkouts import git, repository

FILES = {"pyproject.toml": '[project]\nname = "acme"\nversion = "0.0.0"\n', "uv.lock": "lock v1\n", "a.py": "x = 1\n"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return repository(tmp_path / "code", FILES)


def test_changed_files_matter_on_a_tag_only(place: Path) -> None:
    for name in FILES:
        (place / name).write_text("changed\n")
    (place / "report.xml").touch()
    git(place, "mv", "a.py", "b.py")
    checkout.check([str(place)], None)
    with pytest.raises(CheckoutChanged) as caught:
        checkout.check([str(place)], ["1.2.0"])
    assert "The checkout is changed: b.py, pyproject.toml, uv.lock" in caught.value.what.replace("a.py -> ", "")
    assert "report.xml" not in caught.value.details
    git(place, "reset", "-q", "--hard")
    checkout.check([str(place)], ["1.2.0"])


def test_many_changed_files_are_counted() -> None:
    error = checkout.differs("M one\n M two\nMM three\n D four\nM five")
    assert error.what.startswith("The checkout is changed: one, two, three and 2 more.")
    assert "git checkout -- one two three)" in error.fix


@pytest.mark.parametrize(
    ("name", "text", "stamped"),
    [
        ("pyproject.toml", FILES["pyproject.toml"].replace("0.0.0", "1.2.0"), True),
        ("pyproject.toml", FILES["pyproject.toml"].replace("0.0.0", "1.3.0"), False),
        ("pyproject.toml", FILES["pyproject.toml"].replace("0.0.0", "1.2.0") + "# more\n", False),
        ("a.py", "x = 2\n", False),
        ("a.py", "", False),
    ],
)
def test_the_tags_version_may_be_written_into_a_file(place: Path, name: str, text: str, *, stamped: bool) -> None:
    (place / name).write_text(text)
    if stamped:
        checkout.check([str(place)], ["1.2.0"])
        return
    with pytest.raises(CheckoutChanged, match=f"changed: {name}"):
        checkout.check([str(place)], ["1.2.0"])


def submodule(place: Path, path: str, other: Path) -> None:
    git(place, "submodule", "add", "-q", str(other), path)
    git(place, "commit", "-qm", "a submodule")


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def test_an_empty_submodule_is_named(place: Path, tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"inner.py": ""})
    outer = repository(tmp_path / "outer", {"outer.py": ""})
    submodule(outer, "deep", inner)
    submodule(place, "src/acme/vendor", outer)
    git(place, "submodule", "update", "--init", "--recursive", "-q")
    checkout.check([str(place)], None)
    emptied(place / "src/acme/vendor/deep")
    with pytest.raises(CheckoutIncomplete, match="'src/acme/vendor/deep'"):
        checkout.check([str(place)], None)
    emptied(place / "src/acme/vendor")
    with pytest.raises(CheckoutIncomplete, match=r"'src/acme/vendor' in .* is empty") as caught:
        checkout.check([str(place)], None)
    assert "git submodule update --init --recursive" in caught.value.fix


def test_a_submodule_elsewhere_does_not_matter(place: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"other.py": ""})
    for path in ("docs/theme", "tests/data", ".tools"):
        submodule(place, path, other)
        emptied(place / path)
    (place / "package").mkdir()
    checkout.check([str(place), str(place / "package")], None)


def test_without_git_there_is_nothing_to_compare(tmp_path: Path) -> None:
    checkout.check([str(tmp_path)], ["1.0"])
    assert checkout.dirt(tmp_path) == ""
