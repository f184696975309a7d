"""Questions to git and uv, and what a tool's failure means."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from amlwheel.errors.base import NoNetwork
from amlwheel.errors.build import BuildFailed
from amlwheel.transport import process, tools, variables

GIT = shutil.which("git") or ""


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=me", "-c", "user.email=me@mail.example", "-c", "commit.gpgsign=false")
    subprocess.run([GIT, *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("output", "host"),
    [
        ("error sending request for url (https://a.example/simple/)", "a.example"),
        ("Connection refused: http://u:p@a.example:8080/x", "a.example"),
        ("network is unreachable", "the package index"),
        ("Because sshtunnel==1 needs https://a.example", ""),
        ("No solution found", ""),
    ],
)
def test_an_unreachable_host_is_read_from_a_tools_output(output: str, host: str) -> None:
    assert tools.unreachable(output) == host


def test_a_tool_that_succeeded_is_no_error_whatever_it_printed() -> None:
    tools.check(process.Finished(0, "dns error: https://a.example"), BuildFailed, "no wheel")


def test_a_failure_is_no_network_or_the_callers_error_with_the_last_lines() -> None:
    with pytest.raises(BuildFailed) as caught:
        tools.check(process.Finished(1, "one\n\nSyntaxError\n"), BuildFailed, "no wheel")
    assert (caught.value.what, caught.value.details) == ("no wheel", "one\nSyntaxError")
    with pytest.raises(NoNetwork) as unreachable:
        tools.check(process.Finished(1, "dns error: https://a.example/x\n"), BuildFailed, "no wheel")
    assert (unreachable.value.host, unreachable.value.details) == ("a.example", "dns error: https://a.example/x")


def test_changes_are_those_of_tracked_files_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / "one/code.py").write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    (tmp_path / "report.xml").touch()
    assert tools.changes(tmp_path) == ""
    (tmp_path / "code.py").write_text("x = 2\n")
    assert tools.changes(tmp_path) == "M code.py"
    assert tools.changes(tmp_path / "one") == ""


def test_git_that_fails_or_is_absent_answers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tools.git(tmp_path, "rev-parse", "no-such-name") == ""
    monkeypatch.setattr(variables, "for_tool", lambda **_: {"PATH": str(tmp_path)})
    assert tools.git(tmp_path, "--version") == ""


@pytest.mark.parametrize(
    ("printed", "path"), [(f"{sys.executable}\n", sys.executable), ("no interpreter", ""), ("", "")]
)
def test_a_python_is_the_file_that_uv_names(monkeypatch: pytest.MonkeyPatch, printed: str, path: str) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> process.Finished:
        commands.append(command)
        return process.Finished(0 if path else 2, printed)

    monkeypatch.setattr(process, "run", run)
    assert tools.find_python(">=3.10,<3.14") == path
    assert commands[0][:3] == ["uv", "python", "find"]
    assert commands[0][-1] == ">=3.10,<3.14"
