"""A rehearsal shows the step as a person would see it, and keeps what it printed as a log has it."""

import io
import os
import sys

import pytest
from rehearsal.command import screen


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"\x1b[32mok\x1b[0m     Build \xc2\xb7 2.1 s", b"ok     Build \xc2\xb7 2.1 s"),
        (b"       Build \xe2\x80\xa6 3 s\r                \r       Build \xe2\x80\xa6 4 s\r          \rnext", b"next"),
        (b"| a line\r", b"| a line\r"),
        (b"", b""),
    ],
)
def test_a_log_has_no_colours_and_no_clock(line: bytes, kept: bytes) -> None:
    assert screen.plain(line) == kept


def said(monkeypatch: pytest.MonkeyPatch, *chunks: bytes) -> tuple[bytes, bytes]:
    """Return what is shown and what is kept of what a step says."""
    shown, copy = io.BytesIO(), io.BytesIO()
    ours, theirs = screen.pair()
    with monkeypatch.context() as here:
        here.setattr(sys, "stdout", io.TextIOWrapper(shown))
        for each in chunks:
            os.write(theirs, each)
        os.close(theirs)
        screen.show(ours, copy)
        os.close(ours)
        return shown.getvalue(), copy.getvalue()


def test_everything_is_shown_as_it_comes_and_kept_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, kept = said(monkeypatch, b"\x1b[1m---", b"-\x1b[0m   Build\n", b"end")
    assert shown == b"\x1b[1m----\x1b[0m   Build\nend"
    assert kept == b"----   Build\nend"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_at_a_terminal_the_step_has_one_of_the_same_size(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl  # noqa: PLC0415  # as said
    import pty  # noqa: PLC0415
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 93, 0, 0))
    with os.fdopen(theirs, "w", encoding="utf-8") as person, monkeypatch.context() as here:
        here.setattr(sys, "stdout", person)
        mine, steps = screen.pair()
    assert os.isatty(steps)
    assert os.get_terminal_size(steps) == (93, 40)
    os.write(steps, b"a\nb")
    assert os.read(mine, 10) == b"a\nb"
    for each in (ours, mine, steps):
        os.close(each)
