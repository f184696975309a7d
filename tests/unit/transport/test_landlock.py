"""A thread gives up rights: for files that are kept, and for processes that aren't its own."""

import ctypes
import os
import sys
from pathlib import Path

import pytest
from amlwheel.transport import landlock

needed = pytest.mark.skipif(not landlock.version(), reason="this machine has no Landlock")


def writes(*paths: Path) -> list[bool]:
    """Tell of each file whether it can be written."""
    done = []
    for path in paths:
        try:
            path.write_text("x")
            done.append(True)
        except PermissionError:
            done.append(False)
    return done


@needed
def test_what_is_kept_stays_and_the_rest_is_free(tmp_path: Path) -> None:
    for name in ("kept", "free", "kept/but"):
        (tmp_path / name).mkdir()
    file, link = tmp_path / "file", tmp_path / "link"
    file.touch()
    link.symlink_to(tmp_path / "kept")
    places = [tmp_path / "kept/x", link / "x", tmp_path / "new", tmp_path / "free/x", tmp_path / "kept/but/x", file]
    found = landlock.within([tmp_path / "kept/but"], [tmp_path / "kept"], lambda: writes(*places))
    assert found == [False, False, False, True, True, True]
    assert landlock.within([], [file], lambda: writes(file, tmp_path / "free/x")) == [False, True]
    assert landlock.within([tmp_path / "gone"], [], lambda: writes(tmp_path / "free/x")) == [False]
    assert writes(*places) == [True] * len(places)  # other threads keep their rights


def test_a_folder_that_cannot_be_read_holds_nothing_of_ours(tmp_path: Path) -> None:
    assert list(landlock._open_to(tmp_path / "gone", frozenset(), frozenset())) == []


@needed
def test_an_older_kernel_is_asked_for_what_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "_kernel", lambda: 2)
    assert landlock.within([], [tmp_path], lambda: writes(tmp_path / "x")) == [False]


def test_elsewhere_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert landlock.version.__wrapped__() == 0
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(landlock, "_call", lambda *_: 1)
    assert landlock.version.__wrapped__() == 0

    def refuse(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(landlock, "_call", refuse)
    assert landlock.version.__wrapped__() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="system calls of Linux")
def test_a_call_that_fails_says_why() -> None:
    with pytest.raises(OSError, match=os.strerror(22)):
        landlock._call(444, None, ctypes.c_size_t(0), ctypes.c_uint32(99))
