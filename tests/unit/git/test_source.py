"""Where the code came from."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from amlwheel.git import source
from amlwheel.model.source import Source
from amlwheel.transport import process, variables
from unit.parts import ROOT

GIT = shutil.which("git") or ""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for words in (
        ["init", "-q"],
        ["config", "user.email", "me@mail.example"],
        ["config", "user.name", "me"],
        ["config", "commit.gpgsign", "false"],
        ["remote", "add", "origin", "https://me:fake-token@github.example/acme/churn.git"],
    ):
        git(tmp_path, *words)
    (tmp_path / "code.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run([GIT, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_git_tells_commit_and_repository_without_the_credential(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert source.detect([repository], Source()) == Source("https://github.example/acme/churn.git", head)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://fake-token@git.example/a/b", "https://git.example/a/b"),
        ("ssh://git@git.example:22/a/b.git", "ssh://git.example:22/a/b.git"),
        ("https://git.example/a/b?access_token=fake-token#x", "https://git.example/a/b"),
        ("https://git.example/My Project/_git/b", "https://git.example/My%20Project/_git/b"),
        ("https://git.example/My%20Project/_git/b", "https://git.example/My%20Project/_git/b"),
        ("https://git.example/a/b@c", "https://git.example/a/b%40c"),
        ("git@git.example:a/b.git", ""),
        ("git.example:a/b.git", ""),
        ("C:\\code\\b", ""),
        ("/srv/git/b", ""),
        ("https://[git.example/a/b", ""),
    ],
)
def test_an_address_of_the_repository_is_as_in_the_receipts_schema(url: str, address: str) -> None:
    assert source._address(url) == address
    schema = json.loads((ROOT / "templates/aml-release.schema.json").read_text("utf-8"))
    assert re.search(schema["properties"]["source"]["properties"]["repository"]["pattern"], address)


def test_changed_files_are_dirty_and_new_ones_are_not(repository: Path) -> None:
    (repository / "report.xml").touch()
    assert not source.detect([repository], Source()).dirty
    (repository / "code.py").write_text("x = 2\n")
    assert source.detect([repository], Source()).dirty


def test_any_of_several_projects_may_be_dirty(repository: Path) -> None:
    (repository / "one").mkdir()
    (repository / "code.py").write_text("x = 2\n")
    assert not source.detect([repository / "one"], Source()).dirty
    assert source.detect([repository / "one", repository], Source()).dirty


def test_a_branch_called_head_does_not_garble_the_commit(repository: Path) -> None:
    git(repository, "update-ref", "refs/heads/HEAD", "HEAD")
    assert source.detect([repository], Source()).commit == git(repository, "rev-parse", "refs/heads/HEAD")


def test_the_host_tells_the_commit_where_git_is_silent(tmp_path: Path) -> None:
    assert source.detect([tmp_path], Source(commit="a" * 40)).commit == "a" * 40
    assert source.detect([tmp_path], Source(commit="C1234")).commit == ""


def test_without_a_repository_nothing_is_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", lambda *_, **__: process.Finished(128, "fatal: not a git repository"))
    assert source.detect([tmp_path], Source()) == Source()
    monkeypatch.undo()
    monkeypatch.setattr(variables, "for_tool", lambda **_: {"PATH": str(tmp_path)})
    assert source.detect([tmp_path], Source()) == Source()


def test_the_hosts_repository_comes_before_gits_origin(repository: Path) -> None:
    named = Source("https://acme@dev.azure.com/acme/ml/_git/x")
    assert source.detect([repository], named).repository == "https://dev.azure.com/acme/ml/_git/x"
    assert source.detect([repository], Source("git@github.example:acme/churn.git")).repository == ""


def test_tag_and_run_are_the_hosts(repository: Path) -> None:
    code = source.detect([repository], Source(tag="v1.0", run="https://github.com/acme/churn/actions/runs/7"))
    assert (code.tag, code.run) == ("v1.0", "https://github.com/acme/churn/actions/runs/7")


@pytest.mark.parametrize("run", ["/runs/7", "https://me@ci.example/7", "https://ci.example/a b", "javascript:x"])
def test_what_is_no_address_of_a_run_is_left_out(tmp_path: Path, run: str) -> None:
    assert source.detect([tmp_path], Source(run=run)).run == ""
