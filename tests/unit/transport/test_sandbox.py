"""What code of others may not change, and which cache uv trusts."""

import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from amlwheel.transport import landlock, sandbox
from amlwheel.transport.sandbox import Sandbox, Trust


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv's cache be of this test, and the kernel as new as need be."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(landlock, "version", lambda: 7)
    monkeypatch.setattr(landlock, "within", lambda *given: given)
    monkeypatch.setattr(sandbox, "TRUST", Trust())


def test_the_users_cache_is_trusted_as_long_as_it_is_kept(tmp_path: Path) -> None:
    trust = sandbox.TRUST
    assert trust.cache == tmp_path / "uv"
    do: Any = tuple
    writable, kept, done = Sandbox((tmp_path / "project",), (tmp_path / "dist",)).start(do)
    assert writable == [tmp_path / "project"]
    assert not (tmp_path / "project").exists()
    assert Sandbox((tmp_path / "x",), cache="acme").start(do)[0] == [tmp_path / "x", tmp_path / "uv-builds" / "acme"]
    assert {tmp_path / "uv", tmp_path / "dist", Path(os.path.realpath(sys.prefix))} <= {*kept}
    assert done is tuple
    assert trust.cache == tmp_path / "uv"
    assert Sandbox((tmp_path / "x",), alone=True).start(do)[:2] == ([tmp_path / "x", Path("/dev")], ())
    assert Sandbox((tmp_path,), alone=True).start(do)[1] != ()  # something of ours lies in there
    Sandbox((tmp_path,)).start(lambda: "")  # the cache lies in the project
    fresh = trust.cache
    assert fresh == trust.cache != tmp_path / "uv"
    trust.spoil()
    assert trust.cache != fresh


def test_without_landlock_no_cache_is_used_that_a_build_could_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert sandbox.TRUST.cache != tmp_path / "uv"
    room = Sandbox((tmp_path,), cache="acme")
    assert (room.variables(), room.start(lambda: "done")) == ({}, "done")
    assert "no Landlock" in sandbox.lacking()[0]
    assert sandbox.closed(tmp_path) is None


def test_a_cache_that_cannot_be_made_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "file" / "uv"))
    assert sandbox.TRUST.cache.name.startswith("amlwheel-uv-")
    assert Sandbox((tmp_path,), cache="acme").variables()["UV_CACHE_DIR"] == str(tmp_path / "uv-cache")


def refuse(_: Path) -> Path:
    raise RuntimeError


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "expanduser", refuse)
    assert sandbox.usual_cache({}) == Path("/dev/null/uv")


def test_a_build_finds_the_users_other_caches_and_home_and_may_make_new_folders_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "caches" / "ccache").mkdir(parents=True)
    for name in (".cargo", ".cache", ".gone"):
        (tmp_path / "home" / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    room = Sandbox((tmp_path,), cache="acme")
    for _ in range(2):
        found = room.variables()
        home = Path(found["HOME"])
        assert (home / ".gone").exists() is (tmp_path / "home" / ".gone").exists()
        shutil.rmtree(tmp_path / "home" / ".gone", ignore_errors=True)
    assert home.parent == tmp_path / "uv-builds" / "acme"
    assert (home / ".cargo").resolve() == tmp_path / "home" / ".cargo"
    assert (home / ".cache").resolve() == Path(found["XDG_CACHE_HOME"])
    assert not (home / ".gone").is_symlink()
    (home / ".npm").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    assert "HOME" not in room.variables()
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(Path, "expanduser", refuse)
    assert "HOME" not in room.variables()
    assert found["UV_CACHE_DIR"] == str(tmp_path / "uv-builds" / "acme")
    assert (Path(found["XDG_CACHE_HOME"]) / "ccache").resolve() == tmp_path / "caches" / "ccache"
    assert sandbox.lacking() == []


def test_where_nothing_new_can_be_made(tmp_path: Path) -> None:
    assert sandbox.closed(tmp_path / "new" / "file") == tmp_path / "uv"
    (tmp_path / "uv").mkdir(exist_ok=True)
    (tmp_path / "free").mkdir()
    assert sandbox.closed(tmp_path / "uv" / "x") == tmp_path / "uv"
    assert sandbox.closed(tmp_path / "free" / "x") is None


def test_temporary_files_lie_with_the_steps_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, folder in (("amlwheel/py3.11-abc", "amlwheel"), ("venv", "venv")):
        (tmp_path / place).mkdir(parents=True)
        monkeypatch.setattr(sys, "prefix", str(tmp_path / place))
        with sandbox.scratch() as made:
            assert made.parent == tmp_path / folder
        sandbox.removed()
        assert not made.exists()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "gone"))
    assert sandbox.private() is None


def test_a_signal_does_not_keep_a_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)

    class Removal(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            os.kill(os.getpid(), signal.SIGTERM)  # the host cancels at the end
            super().join(timeout)

    monkeypatch.setattr(threading, "Thread", Removal)
    with sandbox.scratch() as made:
        (made / "file").touch()
    sandbox.removed()
    assert not made.exists()
    assert signal.getsignal(signal.SIGTERM) is before
