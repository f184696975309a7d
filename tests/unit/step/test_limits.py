"""Until when an upload counts: the commit's time, what the user says, and where neither holds."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.environment import LimitsNothing
from amlwheel.errors.inputs import BadInput
from amlwheel.inputs import readers
from amlwheel.model.limit import NO_LIMIT, Limit
from amlwheel.model.lock import Lock
from amlwheel.model.wheel import Pin
from amlwheel.step import limits
from amlwheel.transport import tools
from unit.parts import LIMIT, sha

UTC = timezone.utc
NOW = datetime(2026, 11, 28, 9, 0, 0, 5, tzinfo=UTC)
MADE = datetime(2025, 6, 1, 12, tzinfo=UTC)
COMMITTED = str(int(MADE.timestamp()))


@pytest.mark.parametrize(
    ("said", "committed", "doubt", "limit"),
    [
        ("commit", COMMITTED, "", Limit(MADE, "the time of the commit")),
        ("commit", COMMITTED, "it is dirty", Limit(None, "it is dirty")),
        ("commit", "", "", Limit(None, "no commit is checked out")),
        ("commit", "1900000000", "", Limit(None, "the commit's time is in the future")),
        ("7 days", COMMITTED, "", Limit(MADE - timedelta(7), "7 days before the commit", asked=True)),
        (
            "7 days",
            COMMITTED,
            "it is dirty",
            Limit(datetime(2026, 11, 21, 9, tzinfo=UTC), "7 days before this run, since it is dirty", asked=True),
        ),
        (
            "2025-01-01T00:00:00Z",
            "",
            "",
            Limit(datetime(2025, 1, 1, tzinfo=UTC), "the time that was given", asked=True),
        ),
        ("none", COMMITTED, "", Limit(None, "none is wanted")),
    ],
)
def test_the_limit_is_the_commits_time_unless_somebody_says_otherwise(
    said: str, committed: str, doubt: str, limit: Limit
) -> None:
    assert limits.of(readers.newer(said), NOW, committed, doubt) == limit


def test_a_time_to_come_is_refused() -> None:
    with pytest.raises(BadInput, match="2027-01-01T00:00:00Z is in the future") as caught:
        limits.of(readers.newer("2027-01-01T01:00:00+01:00"), NOW, COMMITTED)
    assert caught.value.fix == "Set `exclude-newer` to commit, or to a time that has passed."


@pytest.mark.parametrize("text", ["two weeks", "1 month", "2026-03-01", ""])
def test_a_time_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is neither commit nor none") as caught:
        readers.newer(text)
    assert caught.value.fix.endswith("2026-03-01T12:00:00Z, or 7 days.")


def checkout(monkeypatch: pytest.MonkeyPatch, dirty: str = "", **times: str) -> None:
    monkeypatch.setattr(tools, "committed", lambda folder: times.get(folder.name, ""))
    monkeypatch.setattr(tools, "changes", lambda folder: "M setup.py" if folder.name == dirty else "")


@pytest.mark.parametrize(
    ("folders", "wheels", "dirty", "text"),
    [
        (("a",), (), "", "1970-01-01T00:00:01Z"),
        (("a", "b"), (), "", "1970-01-01T00:00:12Z"),
        (("a", "c"), (), "", "no commit is checked out"),
        (("a", "b"), (), "b", "the checkout has uncommitted changes"),
        (("a",), ("dist/*.whl",), "", "no commit is checked out"),
    ],
)
def test_the_newest_commit_of_all_projects_counts_if_it_is_all_of_the_code(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[str, ...], wheels: tuple[str, ...], dirty: str, text: str
) -> None:
    checkout(monkeypatch, dirty, a="1", b="12")
    inputs: Any = SimpleNamespace(package_dir=folders, wheel=wheels, exclude_newer=readers.newer("commit"))
    limit = limits.of_checkout(inputs, NOW)
    assert text in (limit.text, limit.why)


def test_git_tells_when_a_commit_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "git", lambda *words: "12" if words[-1] == "HEAD" else "fatal")
    assert (tools.committed(Path()), tools.committed(Path(), "other")) == ("12", "")


OTHER = "https://torch.example/whl/cpu"
PINS = (
    Pin("acme-churn", "1.0", (sha("own"),), private=True),
    Pin("numpy", "2.0", (sha("numpy"),)),
    Pin("scipy", "1.0", (sha("scipy"),)),
    Pin("spacy-model", "1.0", (sha("model"),), url="https://models.example/model.whl"),
    Pin("torch", "2.0", (sha("torch"),), index=OTHER),
)


def locked(*untimed: str) -> Lock:
    return Lock(PINS, untimed=frozenset(untimed))


def test_it_is_told_what_the_limit_does_not_hold_for() -> None:
    always = "Files uploaded until 2025-06-01T12:00:00Z count (the time of the commit), and whatever the feed has"
    assert limits.told(LIMIT, locked(), feed_only=False) == [always]
    assert limits.told(LIMIT, locked(), feed_only=False, followed="uv.lock") == [f"{always} or uv.lock names"]
    assert limits.told(LIMIT, locked("torch"), feed_only=False) == [
        always,
        f"no limit for index {OTHER}: it has no upload times",
    ]
    assert limits.told(LIMIT, locked("numpy", "scipy"), feed_only=False)[1:] == [
        "no limit for the public index: it has no upload times"
    ]
    assert limits.told(LIMIT, locked("numpy"), feed_only=False)[1:] == [
        "no limit for numpy, of which the public index has no upload times"
    ]
    assert limits.told(LIMIT, locked(), feed_only=True) == [
        "No limit to the time of uploads but for builds (2025-06-01T12:00:00Z): feeds tell no upload times"
    ]
    assert limits.told(NO_LIMIT, locked(), feed_only=False) == ["No limit to the time of uploads: nothing was said"]


def test_what_uvs_own_settings_say_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.uv]\nexclude-newer = "1 week"\n')
    (tmp_path / "none").mkdir()
    folders = [str(tmp_path), str(tmp_path / "none")]
    assert limits.unread(folders) == [
        f"{tmp_path}: exclude-newer = '1 week' of uv's settings isn't used; the step has an input of that name"
    ]


def test_a_limit_that_somebody_wrote_is_not_ignored() -> None:
    asked = Limit(MADE, "", asked=True)
    for limit, lock in ((LIMIT, locked("numpy", "scipy")), (asked, locked("numpy", "torch")), (asked, Lock(()))):
        limits.check(limit, lock)
    with pytest.raises(LimitsNothing, match="neither of numpy nor of another package"):
        limits.check(asked, locked("numpy", "scipy"))
