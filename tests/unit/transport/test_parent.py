"""A process of ours ends with the one that started it."""

import os
import threading

import pytest
from amlwheel.transport import parent


def test_a_process_whose_parent_is_gone_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, parents = threading.Event(), iter([7, 7, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(os, "_exit", lambda status: ended.set() if status == 1 else None)
    monkeypatch.setattr(parent, "PAUSE", 0.0)
    parent.end_with_parent()
    assert ended.wait(5)
