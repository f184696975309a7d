"""What is told of requests and tools: enough to find a fault, and nothing that may hold a credential."""

import re
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests
from amlwheel.errors.base import TooSlow
from amlwheel.transport import bounds, debug, process, variables
from requests.adapters import HTTPAdapter
from unit.parts import CANARY, answer
from urllib3.util.retry import RequestHistory


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []
    debug.listeners[:] = [lines.append]
    yield lines
    debug.listeners.clear()


ASKED = requests.Request(
    "PUT", f"https://me:{CANARY}@blobs.example/a%20b?sig={CANARY}#{CANARY}", headers={"Authorization": CANARY}
).prepare()


def send(ended: requests.Response | Exception) -> None:
    def sending(*_: object, **__: object) -> requests.Response:
        if isinstance(ended, Exception):
            raise ended
        return ended

    bounds.bounded(sending)(HTTPAdapter(), ASKED)


def test_a_request_is_told_with_its_time_and_without_query_and_user(told: list[str]) -> None:
    send(answer(201))
    (line,) = told
    assert re.fullmatch(r"PUT https://blobs\.example/a%20b: 201, \d+ ms", line)


def test_a_request_that_fails_is_told_by_the_kind_of_its_failure(told: list[str]) -> None:
    with pytest.raises(TooSlow):
        send(TooSlow(CANARY))
    assert re.fullmatch(r"PUT https://blobs\.example/a%20b: TooSlow, \d+ ms", told[0])


def test_earlier_attempts_are_told(told: list[str]) -> None:
    last = answer(200)
    history = (
        RequestHistory("GET", ASKED.url, None, 503, None),
        RequestHistory("GET", ASKED.url, ConnectionResetError(CANARY), None, None),
    )
    last.raw = SimpleNamespace(retries=SimpleNamespace(history=history))
    debug.request(ASKED, last, time.monotonic())
    assert told[0].endswith(": 200, 0 ms, attempt 3 after 503, ConnectionResetError")


def test_a_tool_is_told_as_one_would_type_it_and_with_its_end(told: list[str]) -> None:
    process.run([sys.executable, "-I", "-S", "-c", "raise SystemExit(3)"], env=variables.for_tool() | {"X": CANARY})
    assert told[0] == f"$ {sys.executable} -I -S -c 'raise SystemExit(3)'"
    assert re.fullmatch(r"python[\d.]* ended with status 3, \d\.\d s", told[1])
    assert CANARY not in "".join(told)


def test_where_nobody_listens_nothing_is_formed() -> None:
    debug.request(None, None, 0)  # type: ignore[arg-type]  # it isn't looked at
    debug.tell("x")
