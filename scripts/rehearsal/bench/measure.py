"""Run a command and tell what it took: time, processor time, memory, and the stages that the step names."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STAGE = re.compile(r"^ok +(.+?) · .*?([\d.]+) s$", re.MULTILINE)
PAUSE = 0.02  # seconds between two looks at a process's memory


@dataclass(frozen=True)
class Spent:
    """What a run took; runs can be added.

    `seconds` on the clock, `processor` seconds of it and of all that it started, and the `peak` of its own memory in
    MB, 0 where the system doesn't tell.
    """

    seconds: float = 0
    processor: float = 0
    peak: float = 0
    stages: Mapping[str, float] = field(default_factory=dict)
    said: str = ""

    def __add__(self, other: "Spent") -> "Spent":
        """Return what both took, one after the other."""
        return Spent(
            self.seconds + other.seconds,
            self.processor + other.processor,
            max(self.peak, other.peak),
            {**self.stages, **other.stages},
            self.said + other.said,
        )


def run(command: Sequence[str], env: Mapping[str, str], cwd: pathlib.Path | None = None) -> Spent:
    """Run a command to its end; SystemExit, with what it printed, if it failed."""
    with tempfile.TemporaryFile() as output:
        start, before = time.monotonic(), _processor()
        child = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        peaks = [0.0]
        watch = threading.Thread(target=_watch, args=(child, peaks), daemon=True)
        watch.start()
        status = child.wait()
        seconds, processor = time.monotonic() - start, _processor() - before
        watch.join()
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    if status:
        raise SystemExit(f"{said}\n{pathlib.Path(command[0]).name} ended with status {status}")
    stages = {name: float(spent) for name, spent in STAGE.findall(said)}
    return Spent(seconds, processor, peaks[-1], stages, said)


def _processor() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _watch(child: "subprocess.Popen[bytes]", peaks: list[float]) -> None:
    """Note the most memory that a process has had (Linux, proc(5): VmHWM), for as long as it runs."""
    while child.returncode is None:
        with contextlib.suppress(OSError):
            told = re.search(r"^VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{child.pid}/status").read_text(), re.MULTILINE)
            peaks.append(int(told[1]) / 1024 if told else peaks[-1])
        time.sleep(PAUSE)
