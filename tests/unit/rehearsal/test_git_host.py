"""The repositories of the local hosts of git."""

import pathlib

import pytest
from rehearsal.command import projects
from rehearsal.git_host import repositories
from rehearsal.state.store import Store


def test_a_push_brings_the_tags_and_runs_no_hook(tmp_path: pathlib.Path) -> None:
    (tmp_path / "source" / "below").mkdir(parents=True)
    (tmp_path / "source" / "below" / "x").write_text("x")
    checkout = projects.commit(tmp_path / "source", tmp_path / "checkout")
    repositories._git("-C", str(checkout), "tag", "v1.2")
    hook = checkout / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    store = Store(tmp_path / "state")
    repositories.push(store, checkout / "below", "https://github.com/acme/churn")
    place = repositories.folder(store, "github.com", "/acme/churn")
    assert repositories._git("-C", str(place), "describe", "--tags", "main") == "v1.2"


def test_a_clone_without_its_history_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "x").write_text("x")
    whole = projects.commit(tmp_path / "source", tmp_path / "whole")
    repositories._git("clone", "--quiet", "--depth=1", whole.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(ValueError, match="run git fetch --unshallow"):
        repositories.push(Store(tmp_path / "state"), tmp_path / "shallow", "https://github.com/acme/churn")
