"""The small runner's own rules: if it were blind, the tests that use it would prove nothing."""

import base64
import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from amlwheel.errors.build import BuildFailed
from amlwheel.hosts.github import GitHub
from amlwheel.hosts.neutralise import neutralise
from amlwheel.model.secret import Secret
from hosts import runner
from hosts.scenarios import PROJECTS
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "fake-token/with+signs=1234"


def log_of(*lines: str) -> runner.Log:
    log = runner.Log(runner.Masker())
    log.feed("\n".join(lines))
    return log


@pytest.mark.parametrize(
    ("line", "name", "data"),
    [
        ("::error file=a%2Cb.py,line=1::50%25 of%0Ait", "error", "50% of\nit"),
        ("\u2003\t::WARNING::x", "warning", "x"),
        ("words ##[add-mask]x", "add-mask", "x"),
        ("words ##[set-output name=a;]%5Dx%3B", "set-output", "]x;"),
        ("::unknown::x", None, None),
        ("words ::error::x", None, None),
        ("\u200b::error::x", None, None),
        ("#_#[error]x", None, None),
        ("##vso[task.setvariable variable=a]x", None, None),
        ("##[section]x ##[error]y", None, None),
    ],
)
def test_what_is_a_command(line: str, name: str | None, data: str | None) -> None:
    found = runner.parse(line, runner.REGISTERED)
    assert (found and found.name, found and found.data) == (name, data)


def test_properties() -> None:
    found = runner.parse("::error title=a%3A b%2Cc%25,line=3::x", runner.REGISTERED)
    assert found
    assert found.properties == {"title": "a: b,c%", "line": "3"}


def test_commands_stop_until_the_token_comes() -> None:
    log = log_of("::stop-commands::t0k", "::error::a", "::T0K::", "::error::b", "::t0k::")
    assert [each.data for each in log.executed if each.name == "error"] == ["b"]
    assert not log.stopped
    assert log_of("::stop-commands::t0k", "::other::").stopped


@pytest.mark.parametrize("prefix", ["", "a", "ab", "abc", "user:"])
def test_masks_know_base64_wherever_the_secret_stands(prefix: str) -> None:
    masker = runner.Masker()
    masker.add(TOKEN)
    hidden = masker.mask(base64.b64encode((prefix + TOKEN).encode()).decode())
    assert "***" in hidden
    assert len(hidden) < len("***") + 4 + len(prefix) * 2


def test_masks_cover_each_line() -> None:
    log = log_of("::add-mask::one two%0A  three four  ", "three four, then one two")
    assert log.lines == ["***, then ***"]


def test_files() -> None:
    text = "a=1=2\nb<<END\nx\nc=3\nEND\nd=\n"
    assert runner.parse_file(text) == {"a": "1=2", "b": "x\nc=3", "d": ""}
    for bad in ("words\n", "a<<END\nx\n", "=x\n"):
        with pytest.raises(ValueError, match=r"Invalid|delimiter"):
            runner.parse_file(bad)


WORDS = (
    "::",
    "##[",
    "##",
    "[",
    "]",
    "error",
    "add-mask",
    "stop-commands",
    "set-output name=a",
    "##vso[",
    "| ",
    " ",
    "x",
)
SIGNS = ("\n", "\r", "\x85", "\u2028", "\u2003", "\x0b", "\x1b[31m", "\u200b")
PIECES = st.sampled_from(WORDS + SIGNS)


@given(st.lists(PIECES | st.text(max_size=3), max_size=20).map("".join))
def test_nothing_that_is_neutralised_is_a_command(text: str) -> None:
    log = log_of(*neutralise(text))
    assert log.executed == []


@given(st.lists(PIECES | st.text(max_size=3), max_size=20).map("".join))
def test_our_own_lines_with_foreign_words_are_no_commands(text: str) -> None:
    host, said = GitHub({}), io.StringIO()
    with contextlib.redirect_stdout(said):
        host.say(f"{text}\nKEEP wheel {text}")
        host.warning(text)
        host.error(BuildFailed(text, details=f"|{text}"))
        with host.stage("Build") as done:
            done.append(text)
    log = log_of(said.getvalue())
    # An error's details come between stop-commands and the token that ends it.
    assert [each.name for each in log.executed] == ["warning", "stop-commands", "error", "group", "endgroup"]
    assert not log.stopped


def test_the_hostile_project_would_have_its_way() -> None:
    """Without this, a build that says nothing would pass every test."""
    said = subprocess.run([sys.executable, "-I", PROJECTS["hostile"] / "hostile.py"], check=True, capture_output=True)
    log = runner.Log(runner.Masker())
    text = said.stdout.decode("utf-8", "replace").replace("::stop-commands::EVIL", "")
    log.feed(text)
    assert {each.name for each in log.executed} >= runner.REGISTERED - {"remove-matcher", "stop-commands"}
    assert "EVIL" in log.injected.values() or "azureml:EVIL:1" in log.injected.values()
    stopped = runner.Log(runner.Masker())
    stopped.feed("::stop-commands::EVIL\n")
    assert stopped.stopped


def test_what_the_core_writes_is_what_the_runner_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host = GitHub({"GITHUB_OUTPUT": str(tmp_path / "output")})
    host.mask(Secret(TOKEN + "%0A"), "user")
    told = {each.data for each in log_of(capsys.readouterr().out).executed}
    assert {TOKEN + "%0A", base64.b64encode(f"user:{TOKEN}%0A".encode()).decode()} <= told
    host.outputs({"a": "b\nc"})
    assert runner.parse_file((tmp_path / "output").read_text()) == {"a": "b\nc"}
