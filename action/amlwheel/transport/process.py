"""Run a tool, read its output line by line, and end it when its time is over."""

import contextlib
import ctypes
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors.base import NoRoom, TooSlow

DRAIN = 5.0  # seconds for reading a tool's last output after its end
LONGEST = 4096  # characters of a line that are kept together where output is bounded
_FULL = re.compile(
    r"No space left on device|os error 28\b|Disk quota exceeded|not enough space on the disk", re.IGNORECASE
)  # ENOSPC and EDQUOT in the words of C libraries, uv and Windows
RUNNING: set["subprocess.Popen[str]"] = set()


@dataclass(frozen=True)
class Finished:
    """The exit status of a tool and its whole output, stdout and stderr in order. The text is hostile."""

    status: int
    output: str

    def tail(self, lines: int = 25) -> str:
        """Return the last `lines` lines that aren't empty."""
        return "\n".join([line for line in self.output.splitlines() if line.strip()][-lines:])


def start(
    command: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None, stdin: int, stderr: int
) -> "subprocess.Popen[str]":
    """Start a tool in a session of its own, so that `end` also ends the processes that the tool starts."""
    program, *rest = map(str, command)
    child = subprocess.Popen(
        [shutil.which(program, path=env.get("PATH")) or program, *rest],
        env=dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
        umask=0o022 if sys.platform != "win32" else -1,
        start_new_session=True,
    )
    RUNNING.add(child)
    return child


def run(  # noqa: PLR0913  # each has its default, and all have names
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    seconds: float = 600,
    echo: Callable[[str], None] | None = None,
    errors: bool = True,
    most: int | None = None,
) -> Finished:
    """Run `command` to its end and return its status and output; `echo` gets each line as it comes.

    `errors=False` leaves stderr out, for a tool whose output is parsed. `most` keeps only that many last lines, and
    breaks long ones, for a program that may write without an end. Raises TooSlow when the tool takes longer than
    `seconds`, and NoRoom when it fails since the disk is full. `command` must hold no secret: any user of the machine
    can read another process's arguments.
    """
    child = start(command, env, cwd, subprocess.DEVNULL, subprocess.STDOUT if errors else subprocess.DEVNULL)
    lines: deque[str] = deque(maxlen=most)
    failures: list[Exception] = []
    late = threading.Event()

    def listen() -> None:
        try:
            with child.stdout or io.StringIO() as stream:
                for line in stream if most is None else iter(partial(stream.readline, LONGEST), ""):
                    lines.append(line)
                    if echo:
                        echo(line.rstrip("\n"))
        except Exception as error:  # noqa: BLE001  # raised again below, in the caller's thread
            failures.append(error)
            end(child)

    # A thread of its own reads: a daemon that the tool leaves behind may keep the pipe open for ever.
    reader = threading.Thread(target=listen, daemon=True)
    reader.start()

    def expire() -> None:
        late.set()
        end(child)

    watch = threading.Timer(seconds, expire)  # not `wait(seconds)`: before Python 3.15 that looks every 50 ms only
    watch.daemon = True
    watch.start()
    try:
        status = child.wait()
    finally:
        watch.cancel()
        end(child)
        child.wait()
        RUNNING.discard(child)
        reader.join(DRAIN)
    if late.is_set() and status != 0:
        raise TooSlow(
            f"{Path(command[0]).name} didn't finish within {seconds:.0f} seconds and was ended.",
            details="".join([*lines][-25:]),
        )
    if failures:
        raise failures[0]
    finished = Finished(status, "".join(lines))
    if status and _FULL.search(finished.output):
        raise NoRoom.meanwhile(f"while {Path(command[0]).name} ran", finished.tail())
    return finished


def hide() -> None:
    """Keep other processes of the same user from reading our environment in /proc (Linux; no help against root).

    The build and the proof run the project's code at the same time. Source: prctl(2), PR_SET_DUMPABLE.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)


def end_all() -> None:
    """End every tool that is running, because the step was cancelled."""
    for child in tuple(RUNNING):
        end(child)


def end(child: subprocess.Popen[str]) -> None:
    """End a tool and all processes that it started: a build's backend would otherwise go on and keep our pipe open."""
    if sys.platform == "win32":
        child.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
