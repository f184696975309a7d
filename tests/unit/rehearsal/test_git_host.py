"""The repositories of the local hosts of git."""

import pathlib

import pytest
from rehearsal.command import projects
from rehearsal.git_host import releases, repositories
from rehearsal.state.store import Store
from unit.rehearsal.asking import ask


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


def test_files_of_releases_are_elsewhere_and_for_everybody(tmp_path: pathlib.Path) -> None:
    store = Store(tmp_path / "state")
    path = "/acme/models/releases/download/v1/f-1-py3-none-any.whl"
    place = releases.place(store, path)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"wheel")
    here, there = f"https://github.com{path}", f"https://{releases.FILES}{path}"
    told = ask(releases.app(store), "GET", here)
    assert (told.status, told.header("location")) == (302, there)
    assert ask(releases.files_app(store), "GET", there).content == b"wheel"
    for app, url in ((releases.app(store), here), (releases.files_app(store), there)):
        assert ask(app, "GET", url.replace("/v1/", "/v2/")).status == 404
    with pytest.raises(ValueError, match=r"\.\."):
        releases.place(store, "/acme/../../x")
