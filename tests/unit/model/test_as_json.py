"""Records as JSON and back: what comes back is what went out, and nothing of another shape is taken."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from amlwheel.model import as_json
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import File
from unit.parts import CANARY


@dataclass(frozen=True)
class Sample:
    name: str
    files: tuple[File, ...]
    at: datetime | None
    tools: Mapping[str, int]
    spec: dict[str, Any]
    either: bool = False


SAMPLE = Sample("a", (File("f", "u", "s", 1),), datetime(2026, 1, 1, tzinfo=timezone.utc), {"uv": 1}, {"x": [None]})


@pytest.mark.parametrize("sample", [SAMPLE, Sample("", (), None, {}, {}, either=True)])
def test_what_comes_back_is_what_went_out(sample: Sample) -> None:
    assert as_json.made(Sample, json.loads(json.dumps(as_json.plain(sample)))) == sample


def test_what_is_only_compared_becomes_text_in_one_order_and_a_secret_stays_one() -> None:
    assert as_json.plain(frozenset("ba")) == ["a", "b"]
    assert as_json.plain(timedelta(days=7)) == "7 days, 0:00:00"
    assert CANARY not in as_json.plain(Secret(CANARY))


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        None,
        "x",
        {},
        {"name": 1},
        {"files": "ab"},
        {"files": [1]},
        {"at": "now"},
        {"at": 5},
        {"tools": []},
        {"b": 1},
    ],
)
def test_data_of_another_shape_is_refused(wrong: object) -> None:
    data = {**as_json.plain(SAMPLE), **wrong} if isinstance(wrong, dict) and wrong else wrong
    with pytest.raises((TypeError, KeyError, ValueError)):
        as_json.made(Sample, data)
