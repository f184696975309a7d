"""What debug lines say of versions and decisions."""

import re
from types import SimpleNamespace
from typing import Any

from amlwheel.model.azure import Connection
from amlwheel.model.wheel import Pin
from amlwheel.step import debugging
from unit.parts import FEED, IMAGE, sha


def decided(*pins: Pin, connection: Connection | None = None) -> list[str]:
    environment = SimpleNamespace(reference="azureml:acme:1-abc", image=IMAGE, pins=pins)
    release: Any = SimpleNamespace(route="feed", place="acme/ml", environment=environment, connection=connection)
    return list(debugging.decided(release))


def test_what_runs_here_is_told_by_its_version() -> None:
    assert re.match(
        r"amlwheel \d+\.\d+\.\d+, Python 3\.\d+\.\S+ \(\S+\) on \S+, build \d\S+, twine ", debugging.versions()
    )


def test_it_is_told_where_each_package_comes_from() -> None:
    ours = Pin("acme", "1", (sha("a"),), private=True)
    torch = Pin("torch", "2", (sha("b"), sha("c")), index="https://torch.example/cpu")
    lines = decided(ours, torch, Pin("six", "1", (sha("d"),)), connection=Connection.of(FEED))
    assert lines[0] == "route feed: acme/ml"
    assert lines[1] == f"azureml:acme:1-abc is derived from its conda spec and {IMAGE.pinned}"
    assert lines[2] == f"connection feed-acme to {FEED.target}"
    assert lines[3:] == [
        "acme 1 from the feed, 1 file(s)",
        "torch 2 from https://torch.example/cpu, 2 file(s)",
        "six 1 from the public index, 1 file(s)",
    ]


def test_without_a_connection_none_is_told() -> None:
    assert len(decided()) == 2
