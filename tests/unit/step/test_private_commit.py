"""A commit that can't be fetched without a token: the way out isn't another token."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.git import RepositoryRefused
from amlwheel.errors.origins import SourceNotFollowed
from amlwheel.git import checkout
from amlwheel.model.commit import Commit
from amlwheel.step.from_source import FromSource


def test_a_private_repository_is_no_fault_of_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        message = "401"
        raise RepositoryRefused(message)

    monkeypatch.setattr(checkout, "checkout", refuse)
    inputs: Any = SimpleNamespace(feed=None, publishes=True)
    host: Any = SimpleNamespace(say=print)
    building = FromSource(inputs, host, {}, host, host, tmp_path)
    with pytest.raises(SourceNotFollowed, match=r"fork can't be fetched from https://github.com/acme/fork") as caught:
        building.commit(Commit.parse("fork", f"https://github.com/acme/fork@{'a' * 40}"))
    assert caught.value.fix == "Publish fork to the feed."
