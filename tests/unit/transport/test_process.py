"""Tools run with their output in order and their time bounded, and are ended with all that they start."""

import contextlib
import ctypes
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from amlwheel.errors.base import NoRoom, TooSlow
from amlwheel.errors.tools import NotEnded, TooMuchOutput
from amlwheel.transport import landlock, process, variables
from amlwheel.transport.sandbox import TRUST, Sandbox
from unit.parts import ROOT


def run(code: str, seconds: float = 20, **more: object) -> process.Finished:
    return process.run([sys.executable, "-I", "-S", "-c", code], env=variables.for_tool(), seconds=seconds, **more)  # type: ignore[arg-type]


def test_output_comes_in_order_line_by_line() -> None:
    lines: list[str] = []
    code = (
        "import sys\nfor n in range(3): print(n, flush=True); print('e', n, file=sys.stderr, flush=True)\nsys.exit(7)"
    )
    finished = run(code, echo=lines.append)
    assert lines == ["0", "e 0", "1", "e 1", "2", "e 2"]
    assert (finished.status, finished.output) == (7, "".join(f"{line}\n" for line in lines))


def test_output_that_is_no_text_and_input_that_is_not_there_do_no_harm(tmp_path: Path) -> None:
    code = "import sys, os; sys.stdout.buffer.write(b'\\xff\\xfe'); print(sys.stdin.read() == '', os.getcwd())"
    finished = run(code, cwd=tmp_path)
    assert finished.output == f"\ufffd\ufffdTrue {tmp_path}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
def test_files_of_tools_have_ordinary_modes(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        run("open('x', 'w')", cwd=tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


def test_of_a_long_output_beginning_and_end_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST", 40)
    shown: list[str] = []
    finished = run("for n in range(1000): print(n)\nprint('x' * 10)", echo=shown.append)
    head = "".join(f"{n}\n" for n in range(10))
    assert finished.output == f"{head}\n[3862 characters are left out here]\n998\n999\nxxxxxxxxxx\n"
    assert shown == [*map(str, range(10)), "[what follows is too long to be shown]"]
    for more in ({"errors": False}, {"whole": True}):
        with pytest.raises(TooMuchOutput, match="answered with more than 40 characters"):
            run("print('x\\n' * 100)", **more)
    assert run("print('x')", whole=True).output == "x\n"
    monkeypatch.setattr(process, "MOST_OF_OTHERS", 8)
    assert "[13 characters" in run("print('a' * 12)", sandbox=Sandbox((Path("/dev"),))).output
    assert [*process.lines(io.StringIO("12345\n6"), 3)] == ["123", "45\n", "6"]


@pytest.mark.parametrize("text", ["x: No space left on device", "(os error 28)", "Disk quota exceeded"])
def test_a_tool_that_finds_the_disk_full_says_so(text: str) -> None:
    assert run(f"print({text!r})").status == 0
    with pytest.raises(NoRoom, match=r"The disk became full while python\S* ran") as caught:
        run(f"print({text!r}); raise SystemExit(2)")
    assert caught.value.details == text


def test_tail_is_the_last_lines_that_say_something() -> None:
    text = "\n".join(f"{number}\n  " for number in range(40))
    assert process.Finished(1, text).tail(3) == "37\n38\n39"


def test_a_tool_that_takes_too_long_is_ended_with_all_it_started() -> None:
    """The grandchild keeps the pipe open, and would go on if it weren't ended, too."""
    lines: list[str] = []
    code = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-I', '-S', '-c', "
        "'import os, time; print(os.getpid(), flush=True); time.sleep(60)']); time.sleep(60)"
    )
    with pytest.raises(TooSlow, match="didn't finish within 0 seconds and was ended") as caught:
        run(code, seconds=0.4, echo=lines.append)
    assert caught.value.details == f"{lines[0]}\n"
    assert ended(int(lines[0]))


def test_a_daemon_that_a_tool_leaves_behind_does_not_hold_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "DRAIN", 0.3)
    code = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-I', '-S', '-c', "
        "'import time; time.sleep(5)'], start_new_session=True); print('done', flush=True)"
    )
    start = time.monotonic()
    assert run(code).output == "done\n"
    assert time.monotonic() - start < 4


def ended(pid: int) -> bool:
    """Wait a moment until a process is gone, or is a zombie that its parent hasn't collected."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with contextlib.suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        time.sleep(0.02)
    return False


def test_the_limit_is_a_real_clocks() -> None:
    with pytest.raises(TooSlow):
        run("import time; time.sleep(60)", seconds=0.05)


def test_a_reader_that_fails_ends_the_tool() -> None:
    def fail(_: str) -> None:
        raise ZeroDivisionError

    start = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        run("import time; print('x', flush=True); time.sleep(60)", echo=fail)
    assert time.monotonic() - start < 5
    assert not process.RUNNING


def test_a_cancelled_step_ends_its_tools() -> None:
    started, results = threading.Event(), list[process.Finished]()
    code = "import time; print('x', flush=True); time.sleep(60)"
    thread = threading.Thread(target=lambda: results.append(run(code, echo=lambda _: started.set())))
    thread.start()
    assert started.wait(10)
    process.end_all()
    thread.join(10)
    assert results[0].status != 0


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_hidden_process_keeps_its_environment_to_itself() -> None:
    code = "import ctypes; from amlwheel.transport import process; process.hide(); "
    code += "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    env = variables.for_tool() | {"PYTHONPATH": str(ROOT / "action")}
    assert process.run([sys.executable, "-c", code], env=env).output == "0\n"


class Prctl:
    """Takes the place of the C library; records the calls of prctl and mallopt, or lacks them."""

    def __init__(self, *, present: bool = True) -> None:
        """Have them if they are `present`."""
        self.calls: list[tuple[int, ...]] = []
        if present:
            self.prctl = self.mallopt = lambda *numbers: self.calls.append(numbers)


def test_only_linux_is_asked_to_hide_and_a_library_without_prctl_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Prctl()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(sys, "platform", "linux")
    process.hide()
    assert library.calls == [(4, 0, 0, 0, 0)]  # PR_SET_DUMPABLE
    monkeypatch.setattr(sys, "platform", "darwin")
    process.hide()
    assert len(library.calls) == 1
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Prctl(present=False))
    process.hide()


def test_all_threads_share_one_heap_where_the_library_has_several(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Prctl()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    for system in ("linux", "darwin"):
        monkeypatch.setattr(sys, "platform", system)
        process.share_memory()
    assert library.calls == [(-8, 1)]  # M_ARENA_MAX
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Prctl(present=False))  # musl
    process.share_memory()


def test_a_tool_is_found_on_the_path_it_is_given(tmp_path: Path) -> None:
    tool = tmp_path / "my-tool"
    tool.write_text("#!/bin/sh\necho mine\n")
    tool.chmod(0o755)
    finished = process.run(["my-tool"], env={"PATH": str(tmp_path)})
    assert finished.output == "mine\n"


@pytest.fixture
def adopting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process adopt what tools leave behind."""
    monkeypatch.setattr(process, "_adopting", False)
    process.adopt()
    yield
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


DAEMON = """
import os, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        os.write(write, b"x")
        {stay}
    os._exit(0)
os.read(read, 1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.usefixtures("adopting")
def test_a_daemon_ends_with_its_tool_and_a_child_of_a_library_does_not() -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(20)"]) as ours:
        started = time.monotonic()
        code = DAEMON.format(stay="time.sleep(20)")
        assert ended(int(run(code, sandbox=Sandbox((Path("/dev"),))).output))
        assert time.monotonic() - started < 5
        assert ours.poll() is None
        ours.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.usefixtures("adopting")
def test_a_daemon_that_starts_itself_anew_is_ended_or_stops_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    code = DAEMON.format(stay="exec('while time.time() < {end}:\\n  if os.fork(): os._exit(0)')")
    run(code.replace("{end}", str(time.time() + 20)), sandbox=Sandbox((Path("/dev"),)))
    assert process._left_behind() == []
    monkeypatch.setattr(process, "PATIENCE", 0)
    monkeypatch.setattr(process, "_left_behind", lambda: [2**22 + 1])
    with pytest.raises(NotEnded, match="1 process"):
        process.sweep()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_while_code_of_others_runs_nothing_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_adopting", True)
    monkeypatch.setattr(process, "_left_behind", lambda: pytest.fail("looked"))
    monkeypatch.setattr(process, "OTHERS", {None})
    process.sweep()


def test_a_process_that_is_gone_is_in_our_session() -> None:
    assert process._session(2**22 + 1) == os.getsid(0)


def test_what_is_found_once_is_taken_again(tmp_path: Path) -> None:
    """A build could put a program of the same name in front of it."""
    for name in ("second", "first"):
        tool = tmp_path / name / "a-tool"
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\necho {name}\n")
        tool.chmod(0o755)
        assert process.run(["a-tool"], env={"PATH": f"{tmp_path}/first:{tmp_path}/second"}).output == "second\n"


@pytest.mark.skipif(not landlock.version(), reason="this machine has no Landlock")
def test_code_of_others_has_other_caches_and_sees_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setattr(TRUST, "exposed", False)
    code = "import os; print(os.environ['UV_CACHE_DIR']); print(len(open(f'/proc/{os.getppid()}/environ').read()) > 0)"
    assert run(code).output == f"{tmp_path / 'uv'}\nTrue\n"
    refused = run(code, sandbox=Sandbox((tmp_path / "own",)))
    assert f"{tmp_path / 'own' / 'uv-cache'}\n" in refused.output
    assert "PermissionError" in refused.output
    assert TRUST.cache == tmp_path / "uv"
