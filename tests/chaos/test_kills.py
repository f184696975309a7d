"""A release that is ended in the middle: after each write, at any moment of its tools, and as hosts cancel."""

import itertools
import pathlib
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial

import pytest
from chaos.bench import BUILDING, ROUTES, Bench
from chaos.faults import requests_of
from chaos.promises import Note, after
from chaos.scale import Scale

SIGNALS = (signal.SIGKILL, signal.SIGTERM)
STAGES = ("Build", "Lock", "Prove")
Child = subprocess.Popen[bytes]
# A runner and an agent do the same: actions/runner and azure-pipelines-agent, ProcessInvoker.cs. The third is a
# person, or a host without patience.
_NEVER = {"host": r"^management\.azure\.com$", "delay": 3600}
CANCELS = {
    "GitHub": [(signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, 0.0)],
    "Azure Pipelines": [(signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, 0.0)],
    "all at once": [(signal.SIGINT, 0.01), (signal.SIGTERM, 0.01), (signal.SIGINT, 7.5), (signal.SIGKILL, 0.0)],
}


@pytest.mark.parametrize("name", ROUTES)
def test_killed_after_each_write(bench: Bench, name: str, scale: Scale, note: Callable[[Note], None]) -> None:
    if not scale.killed(name):
        pytest.skip("not in this part")
    route = ROUTES[name]
    recorded, _, _ = bench.undisturbed(route)
    requests = requests_of(recorded.requests)
    writes = [request for request, line in zip(requests, recorded.requests, strict=True) if line in recorded.writes]
    for (number, request), ending in scale.some_kills(list(itertools.product(enumerate(writes, 1), SIGNALS))):
        where = f"write {number}, {request.kind}"
        if ("kill", name, ending.name, where) in scale.done:
            continue
        bench.renew(route)
        bench.world.fail({**request.fault("hangs after it acted"), "times": 1})

        def end(child: Child, scratch: pathlib.Path, number: int = number, ending: signal.Signals = ending) -> None:
            del scratch
            while bench.peek() < number and child.poll() is None:
                time.sleep(0.02)
            child.send_signal(ending)

        began = time.monotonic()
        ran = bench.run(route, during=end)
        assert len(ran.writes) == number, (time.monotonic() - began, ran.output)
        outcome, broken = after(bench, route, ran, ended=True)
        note(Note("kill", name, ending.name, where, outcome, ran.seconds, broken=broken))


def _moment(scratch: pathlib.Path, child: Child, stage: str, later: float) -> None:
    """Return `later` seconds after a stage has begun."""
    begun = re.compile(rf"^-+ +{stage}$", re.MULTILINE)
    while not begun.search((scratch / "log.txt").read_text("utf-8")) and child.poll() is None:
        time.sleep(0.01)
    time.sleep(later)


def _lengths(output: str) -> dict[str, float]:
    """Return how many seconds each stage took."""
    return {title: float(took) for title, took in re.findall(r"^ok +(\w+) · .* (\d+\.\d) s$", output, re.MULTILINE)}


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_any_moment(bench: Bench, stage: str, scale: Scale, note: Callable[[Note], None]) -> None:
    recorded, _, _ = bench.undisturbed(BUILDING)
    chance = random.Random(f"{scale.seed} {stage}")
    for number in range(scale.moments(stage)):
        ending, later = SIGNALS[number % 2], chance.uniform(0, _lengths(recorded.output)[stage])
        where = f"{stage}, {later:.2f} s after it began"
        if ("kill", BUILDING.name, ending.name, where) in scale.done:
            continue
        bench.renew(BUILDING)

        def end(child: Child, scratch: pathlib.Path, later: float = later, ending: signal.Signals = ending) -> None:
            _moment(scratch, child, stage, later)
            child.send_signal(ending)

        ran = bench.run(BUILDING, during=end)
        outcome, broken = after(bench, BUILDING, ran, ended=True)
        note(Note("kill", BUILDING.name, ending.name, where, outcome, ran.seconds, broken=broken))


def _cancel(host: str, moment: tuple[str, float], took: list[float], child: Child, scratch: pathlib.Path) -> None:
    """Cancel as a host does, some seconds after a stage has begun, and note how long the step takes to end."""
    _moment(scratch, child, *moment)
    began = time.monotonic()
    for number, patience in CANCELS[host]:
        child.send_signal(number)
        try:
            child.wait(patience)
            break
        except subprocess.TimeoutExpired:
            continue
    took.append(time.monotonic() - began)


@pytest.mark.parametrize("host", CANCELS)
def test_cancelled_as_a_host_cancels(bench: Bench, host: str, scale: Scale, note: Callable[[Note], None]) -> None:
    recorded, _, _ = bench.undisturbed(BUILDING)
    chance = random.Random(f"{scale.seed} {host}")
    for stage in scale.cancelled(host, STAGES):
        bench.renew(BUILDING)
        later = chance.uniform(0, _lengths(recorded.output)[stage])
        took: list[float] = []
        ran = bench.run(BUILDING, during=partial(_cancel, host, (stage, later), took))
        outcome, broken = after(bench, BUILDING, ran, ended=True)
        broken += ["it had to be killed"] if ran.status == -signal.SIGKILL else []
        note(Note("cancel", host, "as it cancels", f"{stage}, {later:.2f} s", outcome, took[0], broken=broken))


def test_cancelled_while_a_server_hangs(bench: Bench, note: Callable[[Note], None]) -> None:
    bench.undisturbed(BUILDING)
    bench.renew(BUILDING)
    bench.world.fail(_NEVER)
    took: list[float] = []
    ran = bench.run(BUILDING, during=partial(_cancel, "GitHub", ("Check access", 1.0), took))
    outcome, broken = after(bench, BUILDING, ran, ended=True)
    broken += ["it had to be killed"] if ran.status == -signal.SIGKILL else []
    note(Note("cancel", "GitHub", "while a server hangs", "Check access", outcome, took[0], broken=broken))
