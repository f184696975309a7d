"""A tool that keeps running, and answers line by line."""

import sys
import time
from pathlib import Path

import pytest
from amlwheel.errors.base import TooSlow
from amlwheel.transport import process, variables
from amlwheel.transport.dialogue import Dialogue

ECHO = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)"


def dialogue(code: str, tmp_path: Path) -> Dialogue:
    return Dialogue([sys.executable, "-I", "-S", "-c", code], env=variables.for_tool(), cwd=tmp_path)


def test_a_tool_answers_line_by_line(tmp_path: Path) -> None:
    tool = dialogue(ECHO, tmp_path)
    assert [tool.ask(text, 20) for text in ("one", "tüo", "x" * 200_000)] == ["eno\n", "oüt\n", "x" * 200_000 + "\n"]
    tool.end()
    assert tool.ask("three", 20) == ""
    assert tool.ask("four", 20) == ""


def test_a_tool_that_neither_reads_nor_answers_is_ended(tmp_path: Path) -> None:
    tool = dialogue("import sys, time; print('why', file=sys.stderr, flush=True); time.sleep(60)", tmp_path)
    start = time.monotonic()
    with pytest.raises(TooSlow, match="gave no answer within 0 seconds") as caught:
        tool.ask("x" * 1_000_000, 0.3)
    assert time.monotonic() - start < 10
    assert caught.value.details in ("", "why\n")
    assert tool.ask("again", 20) == ""


def test_what_a_tool_says_beside_its_answers_is_kept(tmp_path: Path) -> None:
    tool = dialogue("import sys; input(); print('bad', file=sys.stderr)", tmp_path)
    assert tool.ask("x", 20) == ""
    deadline = time.monotonic() + 10
    while not tool.errors and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tool.errors == "bad\n"
    tool.end()


def test_a_cancelled_step_ends_a_dialogue_too(tmp_path: Path) -> None:
    tool = dialogue(ECHO, tmp_path)
    assert tool.ask("a", 20) == "a\n"
    process.end_all()
    assert tool.ask("b", 20) == ""
    tool.end()
