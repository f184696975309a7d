"""What the step prints: shown as it comes, with colours and clock where a person looks, and kept as plain lines."""

import os
import re
import sys
from collections.abc import Iterator
from typing import IO


def pair() -> tuple[int, int]:
    """Return two ends of a pipe, for us and for the step; of a terminal as large as ours, if a person looks at ours."""
    if sys.platform == "win32" or not sys.stdout.isatty():
        return os.pipe()
    import fcntl  # noqa: PLC0415  # Windows has none of them
    import pty  # noqa: PLC0415
    import termios  # noqa: PLC0415
    import tty  # noqa: PLC0415

    ours, theirs = pty.openpty()
    tty.setraw(theirs)  # else lines would get a CR
    size = fcntl.ioctl(sys.stdout, termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    return ours, theirs


def show(ours: int, copy: IO[bytes]) -> None:
    """Show what comes from `ours` until its end, and write it to `copy` as a log has it."""
    rest = b""
    for chunk in _chunks(ours):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        *lines, rest = (rest + chunk).split(b"\n")
        copy.write(b"".join(plain(line) + b"\n" for line in lines))
        copy.flush()
    copy.write(plain(rest))


def plain(line: bytes) -> bytes:
    """Return a line without colours, and without what a clock wrote there before it."""
    return re.sub(rb".*\r(?=.)", b"", re.sub(rb"\x1b\[[0-9;]*m", b"", line))


def _chunks(ours: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(ours, 65536):
            yield chunk
    except OSError:  # a terminal's end, on Linux
        return
