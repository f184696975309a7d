"""Run a tool, read its output line by line, and end it, with all that it started, when it or its time is over."""

import contextlib
import ctypes
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import IO

from ..errors.base import NoRoom, TooSlow
from ..errors.tools import NotEnded, TooMuchOutput
from . import debug, trace
from .sandbox import TRUST, Sandbox

DRAIN = 5.0  # seconds for reading a tool's last output after its end
PATIENCE = 5.0  # seconds for ending what a tool left behind
LONGEST = 2**20  # characters of a line that are kept together
MOST = 2**26  # characters of an output that are kept; uv's log of a large lock has a tenth of it
MOST_OF_OTHERS = 2**23  # of a build, an import: they may write without an end
_FULL = re.compile(
    r"No space left on device|os error 28\b|Disk quota exceeded|not enough space on the disk", re.IGNORECASE
)  # ENOSPC and EDQUOT in the words of C libraries, uv and Windows
RUNNING: set["subprocess.Popen[str]"] = set()
OTHERS: set["subprocess.Popen[str]"] = set()  # of these, the ones that run code of others
_STARTING = threading.Lock()
_adopting = False


@dataclass(frozen=True)
class Finished:
    """The exit status of a tool and its output, stdout and stderr in order. The text is hostile."""

    status: int
    output: str

    def tail(self, lines: int = 25) -> str:
        """Return the last `lines` lines that aren't empty."""
        return "\n".join([line for line in self.output.splitlines() if line.strip()][-lines:])


class Output:
    """The beginning and the end of an output, each half of `most` characters; `left_out` is what was between."""

    def __init__(self, most: int) -> None:
        """Begin with nothing."""
        self._half = self._room = most // 2
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self.left_out = 0

    def add(self, line: str) -> bool:
        """Keep a line, and tell whether it belongs to the beginning."""
        if not self._tail and len(line) <= self._room:
            self._room -= len(line)
            self._head.append(line)
            return True
        self._room = self._half if not self._tail else self._room
        self._tail.append(line)
        self._room -= len(line)
        while self._room < 0:
            gone = len(self._tail.popleft())
            self.left_out += gone
            self._room += gone
        return False

    def __str__(self) -> str:
        """The whole text; where some was left out, a line says how much."""
        between = f"\n[{self.left_out} characters are left out here]\n" if self.left_out else ""
        return "".join([*self._head, between, *self._tail])


@cache
def _found(program: str, path: str | None) -> str:
    """Return where a program is. It is looked for once: a build could put another one in front of it."""
    return shutil.which(program, path=path) or program


def start(  # noqa: PLR0913, PLR0917  # what Popen is to know
    command: Sequence[str | Path],
    env: Mapping[str, str],
    cwd: Path | None,
    stdin: int,
    stderr: int,
    sandbox: Sandbox | None = None,
) -> "subprocess.Popen[str]":
    """Start a tool in a session of its own, so that `end` also ends the processes that the tool starts.

    With a `sandbox` it is code of others. Every other tool gets the cache of uv that such code can't have written.
    """
    program, *rest = map(str, command)
    caches = sandbox.variables() if sandbox else {"UV_CACHE_DIR": str(TRUST.cache)}
    launch = partial(
        subprocess.Popen,
        [_found(program, env.get("PATH")), *rest],
        env={**env, **caches},
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
        umask=0o022 if sys.platform != "win32" else -1,
        start_new_session=True,
    )
    debug.tell(f"$ {shlex.join(map(str, command))}")
    with _STARTING:
        child: subprocess.Popen[str] = sandbox.start(launch) if sandbox else launch()
        RUNNING.add(child)
        OTHERS.update([child] if sandbox else [])
    return child


def run(  # noqa: PLR0913  # each has its default, and all have names
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    seconds: float = 600,
    echo: Callable[[str], None] | None = None,
    errors: bool = True,
    whole: bool = False,
    sandbox: Sandbox | None = None,
) -> Finished:
    """Run `command` to its end and return its status and output; `echo` gets each line as it comes.

    `errors=False` leaves stderr out, for an output that is parsed; `whole` is for one that is parsed with it. Of others
    the middle is left out where they are too long. `sandbox` is for code of others, and nothing of it runs on after the
    last such tool. Raises TooSlow when the tool takes longer than `seconds`, NoRoom when it fails since the disk is
    full, TooMuchOutput, NotEnded. `command` must hold no secret: any user can read another process's arguments.
    """
    began = time.monotonic()
    child = start(command, env, cwd, subprocess.DEVNULL, subprocess.STDOUT if errors else subprocess.DEVNULL, sandbox)
    output = Output(MOST_OF_OTHERS if sandbox else MOST)
    failures: list[Exception] = []
    # A thread of its own reads: a daemon that the tool leaves behind may keep the pipe open.
    reader = threading.Thread(target=_listen, args=(child, output, echo, failures), daemon=True)
    reader.start()
    with trace.RUN.span("tool", trace.tool(command)):
        late = _wait(child, seconds)
    sweep()
    reader.join(DRAIN)
    debug.tell(f"{Path(command[0]).name} ended with status {child.returncode}, {time.monotonic() - began:.1f} s")
    if late and child.returncode != 0:
        raise TooSlow(
            f"{Path(command[0]).name} didn't finish within {seconds:.0f} seconds and was ended.",
            details="".join(str(output).splitlines(keepends=True)[-25:]),
        )
    if failures:
        raise failures[0]
    if (whole or not errors) and output.left_out:
        raise TooMuchOutput(f"{Path(command[0]).name} answered with more than {MOST} characters.")
    finished = Finished(child.returncode, str(output))
    if finished.status and _FULL.search(finished.output):
        raise NoRoom.meanwhile(f"while {Path(command[0]).name} ran", finished.tail())
    return finished


def _listen(
    child: "subprocess.Popen[str]", output: Output, echo: Callable[[str], None] | None, failures: list[Exception]
) -> None:
    """Read to the end; what can't be echoed ends the tool, and is raised by the thread that waits for it."""
    told = False
    try:
        with child.stdout or io.StringIO() as stream:
            for line in lines(stream):
                shown = output.add(line)
                if echo and (shown or not told):
                    echo(line.rstrip("\n") if shown else "[what follows is too long to be shown]")
                told = not shown
    except Exception as error:  # noqa: BLE001  # raised again in the caller's thread
        failures.append(error)
        end(child)


def lines(stream: IO[str], longest: int = LONGEST) -> Iterator[str]:
    """Yield the lines of a tool's output; one that is too long comes in pieces."""
    return iter(partial(stream.readline, longest), "")


def _wait(child: "subprocess.Popen[str]", seconds: float) -> bool:
    """Wait until a tool has ended, or end it after `seconds`; tell whether that was so."""
    late = threading.Event()

    def expire() -> None:
        late.set()
        end(child)

    watch = threading.Timer(seconds, expire)  # not `wait(seconds)`: before Python 3.15 that looks every 50 ms only
    watch.daemon = True
    watch.start()
    try:
        child.wait()
    finally:
        watch.cancel()
        forget(child)
    return late.is_set()


def forget(child: "subprocess.Popen[str]") -> None:
    """End a tool and what is left in its session."""
    end(child)
    child.wait()
    RUNNING.discard(child)
    if child in OTHERS:
        OTHERS.discard(child)
        TRUST.spoil()


def adopt() -> None:
    """Become the parent of whatever a tool leaves behind (Linux), so that `sweep` finds it.

    Source: prctl(2), PR_SET_CHILD_SUBREAPER.
    """
    global _adopting  # noqa: PLW0603  # it is a property of the process
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            _adopting = ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0


def sweep() -> None:
    """End every process that a tool left behind, unless code of others still runs: it may be that one's.

    No other tool starts meanwhile. Raises NotEnded.
    """
    with _STARTING:
        deadline = time.monotonic() + PATIENCE
        while _adopting and not OTHERS and (left := _left_behind()):
            for pid in left:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, os.WNOHANG)
            if time.monotonic() > deadline:
                raise NotEnded(f"{len(left)} process(es) that a build or an import started can't be ended.")


def _left_behind() -> list[int]:
    """Return our children that aren't tools, nor of our own session, where libraries start theirs.

    No process can come into a session that it wasn't born in. Source: proc(5), /proc/PID/task/TID/children.
    """
    found: list[int] = []
    for listed in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended
            found += map(int, listed.read_text("ascii").split())
    known = {each.pid for each in RUNNING}
    return [pid for pid in found if pid not in known and _session(pid) != os.getsid(0)]


def _session(pid: int) -> int:
    with contextlib.suppress(OSError):
        return os.getsid(pid)
    return os.getsid(0)  # it is gone


def hide() -> None:
    """Keep other processes of the same user from reading our environment in /proc (Linux; no help against root).

    The build and the proof run the project's code at the same time. Source: prctl(2), PR_SET_DUMPABLE.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)


def share_memory() -> None:
    """Let all threads share one heap: glibc gives each of 16 its own, and together they hold 10 MB more.

    Python runs one thread at a time, so none waits. Source: mallopt(3), M_ARENA_MAX; musl has neither.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(-8, 1)


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
