"""Which lock of a team is used; and which files look like it and aren't."""

from pathlib import Path

import pytest
from amlwheel.declared import team_lock as locks
from amlwheel.declared.surroundings import Surroundings
from amlwheel.declared.uv_lock import Asked
from amlwheel.errors.build import CheckoutChanged
from amlwheel.errors.inputs import BadInput
from amlwheel.inputs import reading
from amlwheel.inputs.step import Inputs
from amlwheel.inputs.table import Table
from amlwheel.model.declared import Declared
from amlwheel.model.team_lock import Locked, TeamLock
from amlwheel.step import needs, team_lock
from amlwheel.transport import tools
from unit.inputs.test_rules import FULL
from unit.parts import pack

PROJECT = '[project]\nname = "acme-churn"\nversion = "1"\n'


def inputs(**more: str) -> Inputs:
    return reading.read({**FULL, "feed-token": "x", **{key.replace("_", "-"): value for key, value in more.items()}})


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a checkout with a project at its root and one in a folder; nothing in it is untracked."""
    for folder in (tmp_path / "repo", tmp_path / "repo/packages/churn"):
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(PROJECT)
    monkeypatch.setattr(tools, "git", lambda _, *words: str(tmp_path / "repo") if "rev-parse" in words else "")
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def workspace(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')


def test_the_lock_of_the_leading_package_is_taken_if_there_is_one(checkout: Path) -> None:
    assert team_lock.find(inputs()) is None
    (checkout / "pylock.prod.toml").touch()
    (checkout / "pylock.prod.x.toml").touch()
    assert team_lock.find(inputs()) == Path("pylock.prod.toml")
    (checkout / "pylock.toml").touch()
    assert team_lock.find(inputs()) == Path("pylock.toml")
    (checkout / "uv.lock").touch()
    assert team_lock.find(inputs()) == Path("uv.lock")
    assert team_lock.find(inputs(lock="resolve")) is None
    assert team_lock.find(inputs(wheel="dist/*.whl")) is None
    assert team_lock.find(inputs(package_dir="packages/churn")) is None


def test_a_member_of_a_workspace_has_the_lock_of_its_root(checkout: Path) -> None:
    workspace(checkout)
    (checkout / "packages/churn/uv.lock").touch()
    assert team_lock.find(inputs(package_dir="packages/churn")) is None
    with pytest.raises(BadInput, match="belongs to a workspace") as caught:
        team_lock.find(inputs(package_dir="packages/churn", lock="packages/churn/uv.lock"))
    assert caught.value.fix == "Set `lock` to uv.lock, and remove packages/churn/uv.lock."
    (checkout / "uv.lock").touch()
    assert team_lock.find(inputs(package_dir="packages/churn")) == Path("uv.lock")
    (checkout / "packages/churn/pylock.toml").touch()
    assert team_lock.find(inputs(package_dir="packages/churn")) == Path("packages/churn/pylock.toml")


def test_a_workspace_around_the_checkout_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["repo"]\n')
    (tmp_path / "uv.lock").touch()
    assert team_lock.find(inputs()) is None


def test_several_locks_are_a_question(checkout: Path) -> None:
    for name in ("pylock.a.toml", "pylock.b.toml"):
        (checkout / name).touch()
    with pytest.raises(BadInput, match=r"could be pylock\.a\.toml or pylock\.b\.toml") as caught:
        team_lock.find(inputs())
    assert "such as pylock.a.toml; or to resolve" in caught.value.fix


def test_a_path_counts_from_the_table_that_gives_it(checkout: Path) -> None:
    (checkout / "packages/churn/requirements.lock").touch()
    own = Table(Path("packages/churn"), {"lock": "requirements.lock"})
    found = reading.read({**FULL, "feed-token": "x"}, own)
    assert team_lock.find(found) == Path("packages/churn/requirements.lock")
    with pytest.raises(BadInput, match=r"`lock` names the file 'requirements\.lock', which doesn't exist"):
        team_lock.find(inputs(lock="requirements.lock"))
    with pytest.raises(BadInput, match="which is a folder"):
        team_lock.find(inputs(lock="packages"))


def test_what_is_not_used_is_said(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(team_lock.warnings(inputs(), None)) == []
    (checkout / "poetry.lock").touch()
    (told,) = team_lock.warnings(inputs(), None)
    assert told.startswith("poetry.lock isn't used. Run `poetry export --output requirements.lock`, and set `lock` to")
    assert list(team_lock.warnings(inputs(lock="resolve"), None)) == []
    used = checkout / "uv.lock"
    used.touch()
    (earlier,) = team_lock.warnings(inputs(wheel="dist/*.whl"), None)
    assert earlier.startswith("uv.lock isn't used, since the wheels were built earlier")
    (checkout / "packages/churn/uv.lock").touch()
    (other,) = team_lock.warnings(inputs(package_dir=".\npackages/churn"), Path("uv.lock"))
    assert other == "packages/churn/uv.lock isn't used, since uv.lock is that of the leading package."
    monkeypatch.setattr(tools, "git", lambda *words: "uv.lock" if "--others" in words else "")
    (untracked,) = team_lock.warnings(inputs(lock="uv.lock"), Path("uv.lock"))
    assert untracked.startswith("uv.lock isn't committed")


class Reading:
    """Takes the place of the reader of locks; remembers what it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answer with packages of three indexes."""
        self.label, self.asked, self.whole = "", list[Asked](), False
        monkeypatch.setattr(locks, "read", self.read)

    def read(self, _: Path, label: str, __: Surroundings, asked: list[Asked], *, whole: bool) -> TeamLock:
        self.label, self.asked, self.whole = label, asked, whole
        places = {"a": "https://mirror.example/simple", "b": "https://other.example/simple/", "c": ""}
        return TeamLock(label, "", {name: Locked(name, "1", place=place) for name, place in places.items()})


def test_the_index_of_this_machine_is_the_public_one_to_a_lock(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reading(monkeypatch)
    (checkout / "uv.lock").touch()
    (checkout / "pyproject.toml").write_text(PROJECT + '[dependency-groups]\ndev = ["pytest"]\n')
    found = needs.declared(inputs(requirements=".[train]\n.:dev"), {"UV_INDEX_URL": "https://mirror.example/simple/"})
    assert found.lock
    assert found.followed == "uv.lock"
    assert [each.place for each in found.lock.packages.values()] == [
        "the public index",
        "https://other.example/simple/",
        "",
    ]
    assert reader.asked == [Asked("acme-churn", frozenset(["train"]), frozenset(["dev"]))]
    assert (reader.label, reader.whole) == ("uv.lock", True)
    assert list(map(str, found.grouped)) == ["pytest"]


def test_a_checkout_that_was_changed_is_told_before_its_lock(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "uv.lock").write_text("changed")
    monkeypatch.setattr(tools, "changes", lambda _: " M uv.lock")
    with pytest.raises(CheckoutChanged, match=r"changed: uv\.lock"):
        needs.declared(inputs(), {}, "v1")


def test_earlier_wheels_have_their_own_names(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reading(monkeypatch)
    (checkout.parent / "uv.lock").touch()
    (checkout / "dist").mkdir()
    pack(checkout / "dist", "acme_base-1-py3-none-any.whl")
    around = Surroundings(Path(), (".",), inputs().python_version)
    asked = Declared(extras={".": frozenset(["x"])})
    monkeypatch.setattr(tools, "git", lambda *_: str(checkout.parent))
    team_lock.read(Path("../uv.lock"), inputs(wheel="dist/*.whl", lock="../uv.lock"), asked, around, ())
    assert reader.asked == [Asked("acme-base", frozenset(["x"]))]
    assert (reader.label, reader.whole) == ("uv.lock", False)
