"""What a consumer believes of a receipt: only what belongs together, and nothing else gets past BadReceipt."""

import contextlib
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from amlwheel.consume import LARGEST, Told, read
from amlwheel.errors.consume import BadReceipt
from amlwheel.plan.change import Change, Verb
from amlwheel.report.receipt import SCHEMA, receipt
from hypothesis import given
from hypothesis import strategies as st
from unit.parts import FEED, WORKSPACE, make, release

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
Receipt = dict[str, Any]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Receipt:
    """Return a receipt as the step writes it."""
    changes = [Change("wheel x.whl", Verb.CREATE, "new package", None)]
    return receipt(release(make(tmp_path_factory.mktemp("wheel"))), changes, dry_run=False, sbom="{}")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("receipt") / "aml-release.json"


def reading(path: Path, said: object) -> Told:
    path.write_text(json.dumps(said), "utf-8")
    return read(path)


def places(part: object, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every part of a JSON document."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [way, *(one for key, each in inner for one in places(each, (*way, key)))]


def damaged(said: Receipt, way: tuple[Any, ...], by: object) -> object:
    """Return a copy of a receipt with another part at the end of the way."""
    if not way:
        return by
    made = copy.deepcopy(said)
    part: Any = made
    for key in way[:-1]:
        part = part[key]
    part[way[-1]] = by
    return made


# --- what is read


def test_a_receipt_is_read(said: Receipt, path: Path) -> None:
    told = reading(path, said)
    assert told.reference == said["environment"]["reference"]
    assert [told.id(place) for place in told.workspaces] == said["environment"]["ids"]
    assert told.workspaces == (WORKSPACE,)
    assert told.packages == (("acme-churn", "1.2.3"),)
    assert told.connection
    assert (told.connection.name, told.connection.index) == ("feed-acme", FEED.index_url)
    assert not told.stored


def test_without_a_feed_there_is_no_connection(said: Receipt, path: Path) -> None:
    told = reading(path, said | {"route": "workspace", "feed": None, "connection": None})
    assert told.connection is None
    assert told.stored


def test_an_older_format_is_read_and_parts_that_nobody_knows_are_passed_over(said: Receipt, path: Path) -> None:
    kept = {name: part for name, part in said.items() if name not in ("plan", "run", "dry_run", "sbom")}
    assert reading(path, kept | {"schema": 1, "more": {"than": "this"}}) == reading(path, said)


# --- what is refused


@pytest.mark.parametrize("number", [SCHEMA + 1, 10**30, "2", None, 2.0, [2]])
def test_a_format_that_nobody_knows_is_refused(said: Receipt, path: Path, number: object) -> None:
    with pytest.raises(BadReceipt, match=f"this version reads 1 to {SCHEMA}") as caught:
        reading(path, said | {"schema": number})
    assert "newer" in caught.value.fix


def test_a_dry_run_released_nothing(said: Receipt, path: Path) -> None:
    with pytest.raises(BadReceipt, match="is of a dry run, which released nothing"):
        reading(path, said | {"dry_run": True})


def without(*way: str) -> Callable[[Receipt], object]:
    def edit(said: Receipt) -> None:
        part: Any = said
        for key in way[:-1]:
            part = part[key]
        del part[way[-1]]

    return edit


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        *((without(name), "KeyError") for name in ("schema", "environment", "feed", "connection", "packages", "route")),
        *(
            (without("environment", name), "KeyError")
            for name in ("name", "version", "image", "definition_sha256", "ids")
        ),
        (lambda said: said["environment"].update(ids=[]), "don't belong together"),
        (lambda said: said["environment"].update(ids=["/subscriptions/x"]), "is a resource id|part"),
        (lambda said: said["environment"].update(ids=["../../../secret"]), "`workspace`"),
        (lambda said: said["environment"].update(version="1.2.3"), "can't be there"),
        (lambda said: said["environment"].update(definition_sha256="0" * 64), "don't belong together"),
        (lambda said: said["environment"].update(image="mcr.microsoft.com/x"), "neither a tag nor a digest"),
        (lambda said: said["environment"].update(image="python"), "names no image"),
        (lambda said: said.update(connection={"name": "x-y-z"}), "KeyError"),
        (lambda said: said.update(feed=None), "TypeError"),
        (lambda said: said.update(packages=[1]), "TypeError"),
    ],
)
def test_what_is_missing_or_does_not_belong_together_is_said(
    said: Receipt, path: Path, edit: Callable[[Receipt], object], why: str
) -> None:
    made = copy.deepcopy(said)
    edit(made)
    with pytest.raises(BadReceipt, match=why) as caught:
        reading(path, made)
    assert str(path) in caught.value.what


@pytest.mark.parametrize(
    "odd", ["", "../../x", "a/b", "a b", "a\nb", "a@latest", "$(id)", "`id`", "a'b", "\u202ea", ["a"], None]
)
@pytest.mark.parametrize(
    "way",
    [
        ("environment", "name"),
        ("environment", "version"),
        ("packages", 0, "name"),
        ("packages", 0, "version"),
        ("connection", "name"),
        ("connection", "target"),
        ("feed", "index_url"),
    ],
    ids=lambda way: ".".join(map(str, way)),
)
def test_a_name_that_no_release_has_gets_no_further(
    said: Receipt, path: Path, way: tuple[Any, ...], odd: object
) -> None:
    """Names go into addresses and outputs, which users paste into shell lines."""
    if way == ("environment", "version"):
        odd = f"{odd}-{said['environment']['definition_sha256'][:12]}"
    with pytest.raises(BadReceipt):
        reading(path, damaged(said, way, odd))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"\x00", b'{"schema": 2} x', b'"' + b"x" * (LARGEST + 1) + b'"']
)
def test_what_is_no_json_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(BadReceipt):
        read(path)


def test_a_folder_or_nothing_at_all_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nothing.json"):
        with pytest.raises(BadReceipt, match="can't be read"):
            read(place)


@given(JSON)
def test_any_other_json_is_refused(path: Path, content: object) -> None:
    with pytest.raises(BadReceipt):
        reading(path, content)


@given(st.data())
def test_whatever_stands_in_a_receipt_it_is_read_or_refused(said: Receipt, path: Path, data: st.DataObject) -> None:
    """What is read leads to a workspace of Azure's naming rules, and the reference is one version."""
    way = data.draw(st.sampled_from(places(said)))
    with contextlib.suppress(BadReceipt):
        told = reading(path, damaged(said, way, data.draw(JSON)))
        assert told.version.endswith(f"-{told.sha256[:12]}")
        for place in told.workspaces:
            segments = told.id(place).split("/")
            assert segments[:2] == ["", "subscriptions"]
            assert segments[-4] == "environments"
            assert len(segments) == 13
