"""What differs between two definitions, of which anybody may have written the older one."""

import json
import time
from typing import Any

import pytest
import yaml
from amlwheel.model.differences import Comparison, Difference, compare, compared, grouped, shown
from amlwheel.model.environment import Definition
from hypothesis import given, settings
from hypothesis import strategies as st

ONE, TWO = (f"--hash=sha256:{letter * 64}" for letter in "12")
COMMIT = "0123456789ab" + "c" * 28


def definition(*lines: str, python: str = "3.11.13", image: str = "mcr.example/a@sha256:1", **more: Any) -> Definition:  # noqa: ANN401
    spec = {"channels": ["conda-forge"], "dependencies": [f"python={python}", {"pip": list(lines)}]}
    return Definition(image, {**spec, **more})


def differing(before: str, now: str) -> list[tuple[str, str, str, str, str]]:
    found = compare(definition(before), definition(now))
    return [(each.kind, each.name, each.way, each.before, each.now) for each in found]


@pytest.mark.parametrize(
    ("before", "now", "way", "old", "new"),
    [
        ("numpy==2.0", "numpy==2.1", "up", "2.0", "2.1"),
        ("numpy==2.10", "numpy==2.9", "down", "2.10", "2.9"),
        ("Num_Py>=1,<2", "num-py==1.5", "changed", "<2,>=1", "1.5"),
        ("numpy", "numpy==1.5", "changed", "", "1.5"),
        (f"numpy==2 {ONE}", f"numpy==2 {TWO}", "other files", "2", "2"),
        (f"numpy==2 {ONE}", f"numpy==2 {ONE} {TWO}", "other files", "2", "2"),
        ("torch==2.5", "torch==2.5+cpu", "up", "2.5", "2.5+cpu"),
        ("a==1; python_version < '3.12'", "a==1", "changed", '1; python_version < "3.12"', "1"),
        (f"a @ git+https://github.com/o/a@{COMMIT}#subdirectory=x", "a==1", "changed", "commit 0123456789ab", "1"),
        ("a @ https://h.example/a.zip", "a==1", "changed", "https://h.example/a.zip", "1"),
        ("https://h.example/a-1-py3-none-any.whl", "a-2-py3-none-any.whl", "up", "1", "2"),
        ("a @ https://h.example/a-1-py3-none-any.whl", "a==2", "up", "1", "2"),
    ],
)
def test_a_package_is_compared_however_it_is_written(before: str, now: str, way: str, old: str, new: str) -> None:
    ((kind, _, *found),) = differing(before, now)
    assert (kind, *found) == ("package", way, old, new)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (f"numpy==2 {ONE}", "numpy==2"),
        (f"numpy==2 {ONE} {TWO}", f"numpy==2 {TWO}   {ONE}"),
        (f"a-1%2Bcpu-py3-none-any.whl {ONE}", f"https://h.example/x/a-1+cpu-py3-none-any.whl {ONE}"),
        ("ruamel.yaml==1", "Ruamel_Yaml==1"),
    ],
)
def test_what_means_the_same_is_no_difference(before: str, now: str) -> None:
    assert differing(before, now) == []


def test_all_kinds_come_in_their_order() -> None:
    before = definition("-i https://a", "six==1", "idna==3", "b==1", python="3.10", image="x")
    now = definition("idna==2", "attrs==1", "b==2", python="3.11", channels=["a", "b"])
    now.spec["dependencies"] += ["ffmpeg=6.1.1=h1", {"pip": [{"odd": 1}]}, 7, "?!"]  # type: ignore[index]
    assert [(each.kind, each.name, each.way) for each in compare(before, now)] == [
        ("image", "image", "changed"),
        ("Python", "Python", "up"),
        ("option", "-i https://a", "removed"),
        ("option", "?!", "added"),
        ("option", "channels", "changed"),
        ("conda package", "ffmpeg", "added"),
        ("package", "six", "removed"),
        ("package", "idna", "down"),
        ("package", "attrs", "added"),
        ("package", "b", "up"),
    ]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("--index-url https://me:hunter2@pkgs.example/simple/", "--index-url https://pkgs.example/simple/"),
        ("--index-url https://hunter2@pkgs.example/x@y", "--index-url https://pkgs.example/x@y"),
        ("https://x.example/a?sv=1&sig=abcdef", "***"),
        ("ghp_" + "a" * 36, "***"),
        ("a\ud800\u202e\r\nb", "a\ufffd\ufffd\ufffd\ufffdb"),
        ("eyJ-" * 100_000, "(400000 characters)"),
        ("y" * 300, "y" * 200 + "…"),
    ],
)
def test_no_credential_of_an_older_environment_is_shown(text: str, seen: str) -> None:
    assert shown(text) == seen
    assert "hunter2" not in repr(compare(definition(text), definition()))


def test_without_a_conda_file_nothing_is_compared() -> None:
    for spec in (None, "text", ["a"]):
        told = compared("research", "7", Definition("x", spec), definition())
        assert told == Comparison(("research",), "7", unknown="its conda file can't be read, or it has none")
    assert compared("research", "7", definition("a==1"), definition("a==2")).differences == (
        Difference("package", "a", "up", "1", "2"),
    )


@pytest.mark.parametrize("line", ["a" * 10**5, "eyJ-" * 10**5, "a" + " " * 10**5 + "\n=1", "//" * 10**4, "a; " * 10**4])
def test_a_line_without_end_takes_no_time(line: str) -> None:
    spec = {"dependencies": [line, {"pip": [line, f"{line}.whl"]}]}
    before = time.process_time()
    assert compare(Definition("x", spec), definition())
    assert time.process_time() - before < 1


def test_the_same_comparison_is_told_once_with_its_workspaces() -> None:
    one, other = Comparison(("a",), "1"), Comparison(("b",), "2")
    assert grouped([one, other, Comparison(("c",), "1")]) == (Comparison(("a", "c"), "1"), other)


_TEXT = st.text(max_size=30) | st.sampled_from(["==", "a==1", "a @ b", "-x", "x.whl", "a-1-py3-none-any.whl", "[", "%"])
_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["channels", "dependencies", "pip", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=settings().max_examples // 3)  # each takes a while
@given(_DATA, st.lists(_TEXT | st.fixed_dictionaries({"pip": st.lists(_TEXT)})))
def test_nothing_that_stands_in_an_environment_stops_the_comparison(spec: object, dependencies: list[Any]) -> None:
    for each in (spec, {"channels": spec, "dependencies": dependencies}):
        told = compared("research", "1", Definition("x", each), definition("a==1"))
        assert json.dumps([row.name for row in told.differences])


def test_a_spec_that_is_too_deep_is_no_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise RecursionError

    monkeypatch.setattr(yaml, "safe_load", fail)
    assert Definition.read("x", "[[[").spec is None
