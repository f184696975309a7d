"""A tool that keeps running and answers line by line."""

import collections
import contextlib
import io
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors.base import TooSlow
from . import process


class Dialogue:
    """A running tool that answers each line on its stdin with a line on its stdout; its stderr is only kept.

    Lines may hold secrets: other processes can read a tool's arguments and variables, but not its pipes.
    """

    def __init__(self, command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> None:
        """Start `command`."""
        self._name = Path(command[0]).name
        self._child = process.start(command, env, cwd, subprocess.PIPE, subprocess.PIPE)
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lines: collections.deque[str] = collections.deque(maxlen=100)
        self._reader = threading.Thread(target=self._keep_errors, daemon=True)
        for thread in (threading.Thread(target=self._listen, daemon=True), self._reader):
            thread.start()

    def ask(self, line: str, seconds: float) -> str:
        """Return the answer to `line`, empty when the tool has ended; end it after `seconds` and raise TooSlow."""
        # A tool that hangs doesn't read either, and a pipe holds 64 kB: a write in this thread could wait for ever.
        threading.Thread(target=self._write, args=(line,), daemon=True).start()
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.end()
            raise TooSlow(f"{self._name} gave no answer within {seconds:.0f} seconds.", details=self.errors) from None
        if not answer:
            self._answers.put("")  # the answer to every later question
            self.end()
        return answer

    @property
    def errors(self) -> str:
        """The last lines of its stderr. The text is hostile."""
        return "".join(self._lines)

    def end(self) -> None:
        """End the tool."""
        process.forget(self._child)
        self._reader.join(process.DRAIN)
        with contextlib.suppress(OSError):  # closing writes what is left, and the tool is gone
            if self._child.stdin:
                self._child.stdin.close()

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the tool has ended; then its answer is empty
            assert self._child.stdin  # noqa: S101  # it is a pipe
            self._child.stdin.write(line + "\n")
            self._child.stdin.flush()

    def _listen(self) -> None:
        with self._child.stdout or io.StringIO() as stream:
            for line in process.lines(stream, process.MOST):
                if line.endswith("\n"):  # else the tool ended in the middle of a line
                    self._answers.put(line)
        self._answers.put("")

    def _keep_errors(self) -> None:
        with self._child.stderr or io.StringIO() as stream:
            self._lines.extend(process.lines(stream))
