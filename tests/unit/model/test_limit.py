"""What `exclude-newer` says, and what uv says of a limit."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from amlwheel.model import limit
from amlwheel.model.limit import NO_LIMIT, Newer
from unit.parts import LIMIT

UTC = timezone.utc


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("none", Newer()),
        ("commit", Newer(before=timedelta())),
        ("2026-03-01T12:00:00Z", Newer(at=datetime(2026, 3, 1, 12, tzinfo=UTC))),
        ("2026-03-01t12:00:00.5z", Newer(at=datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC))),
        ("2026-03-01 13:00:00+01:00", Newer(at=datetime(2026, 3, 1, 12, tzinfo=UTC))),
        ("7 days", Newer(before=timedelta(7), said="7 days")),
        ("1 week", Newer(before=timedelta(7), said="1 week")),
        ("2w", Newer(before=timedelta(14), said="2w")),
        ("1 week, 2 days 3 hours", Newer(before=timedelta(9, hours=3), said="1 week, 2 days 3 hours")),
        ("1 wk 90 minutes", Newer(before=timedelta(7, minutes=90), said="1 wk 90 minutes")),
        ("PT1H30M", Newer(before=timedelta(minutes=90), said="PT1H30M")),
        ("24h", Newer(before=timedelta(1), said="24h")),
        ("P7D", Newer(before=timedelta(7), said="P7D")),
        ("P1W", Newer(before=timedelta(7), said="P1W")),
        ("PT36H", Newer(before=timedelta(1, hours=12), said="PT36H")),
    ],
)
def test_times_and_durations_are_read_as_uv_reads_them(text: str, meant: Newer) -> None:
    assert limit.parse(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "two weeks", "7", "days", "1 month", "P1M", "P", "PT", "P1Y", "-7 days", "7 days ago", "Commit"),
        *(
            "2026-03-01",
            "2026-03-01T12:00:00",
            "2026-13-01T12:00:00Z",
            "2026-03-01T25:00:00Z",
            "9999 weeks",
            "\u0667 days",
        ),
    ],
)
def test_what_could_mean_two_things_or_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        limit.parse(text)


def test_a_limit_is_told_to_uv_in_utc() -> None:
    assert LIMIT.variables == {"UV_EXCLUDE_NEWER": "2025-06-01T12:00:00Z"}
    assert NO_LIMIT.variables == {}
    assert NO_LIMIT.text == ""


def test_another_limit_is_behind_the_uploads_and_not_in_the_future() -> None:
    first = datetime(2025, 6, 9, 16, 43, 5, 728_000, tzinfo=UTC)
    assert limit.behind([first, first - timedelta(5)]) == "2025-06-09T16:43:06Z"
    assert limit.behind([first], timedelta(1)) == "2025-06-10T16:43:06Z"
    now = datetime.now(UTC)
    assert datetime.fromisoformat(limit.behind([now]).replace("Z", "+00:00")) <= datetime.now(UTC)


def test_files_of_a_pylock_are_late_by_their_times() -> None:
    time = datetime(2025, 6, 9, tzinfo=UTC)
    early, late = {"upload-time": LIMIT.time}, {"upload-time": time}
    packages: list[dict[str, Any]] = [
        {"name": "six", "version": "1.0", "wheels": [early]},
        {"name": "numpy", "version": "2.3.0", "wheels": [late]},
        {"name": "slow", "version": "0.1", "sdist": late},
        {"name": "torch", "version": "2.0", "wheels": [{}]},
    ]
    assert limit.late(packages, LIMIT.text) == {"numpy": ("2.3.0", time), "slow": ("0.1", time)}
