"""A run as a trace: what took time, by kind, without anything that may be secret."""

import json
from pathlib import Path
from typing import Any

import pytest
from amlwheel.transport import trace
from amlwheel.transport.trace import Span, Trace


@pytest.fixture
def made() -> Trace:
    made = Trace()
    made.spans = [
        Span("request", "GET a/b", 11.0, 2.0),
        Span("request", "GET a/SECRET", 12.0, 0.5),
        Span("request", "GET a/c", 13.0, 1.0),
        Span("stage", "Plan", 10.0, 5.0),
        *(Span("tool", f"uv {number}", 20.0 + number, 0.1) for number in range(3)),
    ]
    return made


def events(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["traceEvents"]
    return found


def test_what_overlaps_has_rows_of_its_own_and_secrets_are_hidden(made: Trace) -> None:
    text = made.chrome(lambda text: text.replace("SECRET", "***"))
    names = [each["args"]["name"] for each in events(text) if each["ph"] == "M"]
    assert names == ["stages", "requests", "tools"]
    requests = [each for each in events(text) if each.get("cat") == "request"]
    assert [(each["tid"], each["name"], each["ts"], each["dur"]) for each in requests] == [
        (0, "GET a/b", 1_000_000, 2_000_000),
        (1, "GET a/***", 2_000_000, 500_000),
        (0, "GET a/c", 3_000_000, 1_000_000),
    ]
    assert Trace().chrome(str).count("process_name") == 3


def test_the_five_longest_are_known(made: Trace) -> None:
    assert [name for _, name, _ in made.longest] == ["Plan", "GET a/b", "GET a/c", "GET a/SECRET", "uv 0"]


def test_a_failure_takes_time_as_well() -> None:
    made = Trace()
    with pytest.raises(ValueError, match="no"), made.span("stage", "Build"):
        int("no")
    assert [(each.kind, each.name) for each in made.spans] == [("stage", "Build")]


def test_names_have_no_query_no_user_no_path_of_this_machine() -> None:
    assert trace.request("GET", "https://me:token@a.example:8080/b/c?sig=SECRET#part") == "GET a.example/b/c"
    assert trace.tool(["/opt/bin/uv", "pip", "compile", "/a/in.txt"]) == "uv pip compile"
    assert trace.tool([Path("/opt/python"), "-I", "-X", "utf8", "-m", "build", "/a/project"]) == "python build"


def test_a_link_in_its_place_is_not_followed(made: Trace, tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "traces" / "run.json"
    path.parent.mkdir()
    other.write_text("kept")
    path.symlink_to(other)
    made.write(path, str)
    assert other.read_text() == "kept"
    assert len(events(path.read_text("utf-8"))) == 3 + 7
    assert list(path.parent.iterdir()) == [path]
