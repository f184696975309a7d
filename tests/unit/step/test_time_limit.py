"""A run has an end: by itself, or by the limit, with what it was at and what it had done."""

import _thread
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from amlwheel.errors.base import NoNetwork, OutOfTime
from amlwheel.errors.inputs import BadInput
from amlwheel.hosts.terminal import Terminal
from amlwheel.inputs.reading import read
from amlwheel.plan.change import Change, Verb
from amlwheel.step import time_limit
from amlwheel.transport import process
from unit.inputs.test_inputs import LEAST


def wait_for(ended: list[str], count: int) -> None:
    """Wait for the limit's thread: after the test it would end the tests' own process."""
    end = time.monotonic() + 5
    while len(ended) < count and time.monotonic() < end:
        time.sleep(0.005)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return what the limit does, in its order."""
    done: list[str] = []
    monkeypatch.setattr(process, "end_all", lambda: done.append("tools"))
    monkeypatch.setattr(os, "_exit", lambda status: done.append(f"process {status}"))
    monkeypatch.setattr(time_limit, "GRACE", 0.05)
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
    yield done
    signal.signal(signal.SIGINT, usual)


def test_a_run_in_time_is_left_alone(ended: list[str]) -> None:
    with time_limit.within(60, Terminal()):
        pass
    with pytest.raises(NoNetwork), time_limit.within(60, Terminal()):
        raise NoNetwork("x")
    assert ended == []
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer) and not each.finished]


def test_a_run_out_of_time_says_how_far_it_came(ended: list[str]) -> None:
    host = Terminal()
    change = Change("wheel acme-1.0", Verb.CREATE, "", None)
    host.progress.plan, host.progress.ended = (change,), {("", change.subject): True}
    with pytest.raises(OutOfTime) as caught, time_limit.within(0.01, host), host.stage("Register"):
        time.sleep(5)
    wait_for(ended, 2)
    assert ended == ["tools", "process 190"]
    told = "in the stage 'Register'. Done before: CREATE wheel acme-1.0."
    assert caught.value.what == f"The step was ended after 0 minute, {told}"
    assert "`timeout-minutes`" in caught.value.fix


def test_what_an_ended_tool_makes_fail_is_out_of_time_too(
    monkeypatch: pytest.MonkeyPatch, ended: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(time_limit, "interrupt", lambda: ended.append("main"))

    def fail() -> None:
        wait_for(ended, 2)
        raise NoNetwork("x")

    with pytest.raises(OutOfTime, match=r"Nothing outside was changed before\."), time_limit.within(0.01, Terminal()):
        fail()
    wait_for(ended, 3)
    assert ended == ["tools", "main", "process 190"]
    assert "AW190" not in capsys.readouterr().out


def test_what_the_feed_saved_before_the_plan_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    host = Terminal()
    host.saves("six-1.0-py3-none-any.whl in acme/ml/wheels")
    assert "SAVE six-1.0-py3-none-any.whl in acme/ml/wheels: without that nobody" in capsys.readouterr().out
    told = time_limit.out_of_time(60, host).what
    assert told.endswith("Done before: SAVE six-1.0-py3-none-any.whl in acme/ml/wheels.")


def test_a_run_that_cannot_be_interrupted_is_ended(
    monkeypatch: pytest.MonkeyPatch, ended: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(time_limit, "interrupt", lambda: ended.append("main"))
    with time_limit.within(0.01, Terminal()):
        wait_for(ended, 3)
    assert ended == ["tools", "main", "process 190"]
    assert "error: AW190 out of time" in capsys.readouterr().out


def test_windows_has_another_way_to_the_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.delattr(signal, "pthread_kill")
    monkeypatch.setattr(_thread, "interrupt_main", lambda: asked.append("main"))
    time_limit.interrupt()
    assert asked == ["main"]


def test_images_have_their_own_time() -> None:
    assert time_limit.seconds(read(LEAST)) == 20 * 60
    assert time_limit.seconds(read({**LEAST, "timeout-minutes": "5", "verify": "image"})) == 5 * 60 + 3600


@pytest.mark.parametrize("text", ["0", "-1", "1441", "20.5", "none", "unlimited", "1e3", "٣"])
def test_there_is_no_run_without_a_limit(text: str) -> None:
    with pytest.raises(BadInput, match="timeout-minutes"):
        read({**LEAST, "timeout-minutes": text})
