"""What a person sees at a terminal: colours, and a clock for all that takes over two seconds."""

import contextlib
import io
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator

import pytest
from amlwheel.errors.inputs import BadInput
from amlwheel.hosts.azure_pipelines import AzurePipelines
from amlwheel.hosts.github import GitHub
from amlwheel.hosts.host import Host
from amlwheel.hosts.terminal import PATIENCE, Terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_a_screen(host: Terminal, screen: io.StringIO) -> str:
    def act() -> None:
        host.foreign("\x1b[31mok not ours")
        host.warning("w")
        host.error(BadInput("what"))
        host.debug("d")
        host.say("skip   Prove · kept")
        host.say("okay")
        with contextlib.suppress(ValueError), host.stage("Plan"):
            raise ValueError

    with contextlib.redirect_stdout(screen):
        act()
    return screen.getvalue()


ESCAPED = re.compile("\x1b\\[[0-9;]+m(.*?)\x1b\\[0m")


def test_a_person_sees_colours_and_whoever_reads_a_file_does_not() -> None:
    coloured = at_a_screen(Terminal({"AMLWHEEL_DEBUG": "1"}), Screen())
    found = ESCAPED.findall(coloured)
    assert found[:2] == ["| \ufffd[31mok not ours", "warning:"]
    assert found[3:] == ["debug: d", "skip   Prove · kept", "----   Plan", "FAILED"]
    assert found[2].startswith("error: AW10 ")
    plain = at_a_screen(Terminal({"AMLWHEEL_DEBUG": "1"}), io.StringIO())
    assert "\x1b" not in plain
    assert re.sub(r"\d\.\d s", "", ESCAPED.sub(r"\1", coloured)) == re.sub(r"\d\.\d s", "", plain)


@pytest.mark.parametrize(
    ("environ", "screen", "wanted"),
    [
        ({"NO_COLOR": "1"}, Screen, False),
        ({"NO_COLOR": ""}, Screen, True),
        ({"TERM": "dumb"}, Screen, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, Screen, False),
        ({"FORCE_COLOR": "1"}, io.StringIO, True),
        ({"FORCE_COLOR": ""}, io.StringIO, False),
    ],
)
def test_the_user_decides_about_colours(environ: dict[str, str], screen: type[io.StringIO], *, wanted: bool) -> None:
    assert ("\x1b[" in at_a_screen(Terminal(environ), screen())) is wanted


# --- the clock


class Quick(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(timeout and timeout / 50)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Let the clock tick fifty times as often, at a terminal of 50 columns."""
    monkeypatch.setattr(threading, "Event", Quick)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda **_: os.terminal_size((50, 20)))  # pytest -vv asks, too
    return Screen()


@contextlib.contextmanager
def running(host: Host, screen: Screen, seconds: float) -> Iterator[None]:
    """Run a stage that began some seconds ago."""

    def begin(seconds: float) -> None:
        if isinstance(host, Terminal):
            host._since = time.monotonic() - seconds

    begin(0)
    with contextlib.redirect_stdout(screen), host.ours():
        yield
        begin(seconds)
        for _ in range(1000 if isinstance(host, Terminal) and seconds > PATIENCE else 20):
            if " s" in screen.getvalue():
                break
            time.sleep(0.002)
        host.say("next")


def test_a_terminal_shows_what_is_going_on_and_the_next_line_replaces_it(screen: Screen) -> None:
    host = Terminal({"NO_COLOR": "1"})
    with running(host, screen, 65):
        host._open("Build")
    wiped = r"\r {19}\r"
    assert re.fullmatch(rf"----   Build\n(       Build … 6\d s{wiped})+next\n", screen.getvalue())


def test_before_and_between_stages_it_is_shown_too(screen: Screen) -> None:
    with running(Terminal(), screen, 65):
        pass
    assert screen.getvalue().startswith("       Getting ready … 65 s\r")


def test_it_says_what_a_stage_waits_for_in_one_line_of_the_terminal(screen: Screen) -> None:
    host = Terminal({"NO_COLOR": "1"})
    with contextlib.redirect_stdout(screen):
        host._open("Prove")
        with host.waiting("installing 66 files from elsewhere, 87 MB"), running(host, screen, 65):
            pass
        host._close()
    assert "       Prove · installing 66 files from el … 65 s\r" in screen.getvalue()
    assert max(len(each) for each in re.split(r"[\r\n]", screen.getvalue())) == 49
    assert host._doing == "Getting ready"


@pytest.mark.parametrize(("host", "seconds"), [(Terminal(), -1000), (GitHub({}), 60), (AzurePipelines({}), 60)])
def test_what_is_short_and_a_ci_host_show_no_clock(screen: Screen, host: Host, seconds: int) -> None:
    with running(host, screen, seconds):
        pass
    assert screen.getvalue() == "next\n"


def test_what_takes_long_is_told_in_a_log_now_and_then_and_not_beside_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amlwheel.hosts.host.EVERY", 0.01)
    for screen, host in ((io.StringIO(), AzurePipelines({})), (io.StringIO(), Terminal()), (Screen(), Terminal())):
        with contextlib.redirect_stdout(screen), host.waiting("installing 3 files"):
            for _ in range(10 if screen.isatty() else 200):
                if "installing" in screen.getvalue():
                    break
                time.sleep(0.005)
        told = re.search(r"^       installing 3 files: \d+ s$", screen.getvalue(), re.MULTILINE)
        assert bool(told) is not screen.isatty()
