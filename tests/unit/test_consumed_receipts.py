"""What a consumer believes of a receipt: only what belongs together, and nothing else gets past BadReceipt."""

import contextlib
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from amlwheel.consume import LARGEST, read
from amlwheel.errors.consume import BadReceipt
from amlwheel.model.azure import Registry
from amlwheel.plan.change import Change, Verb
from amlwheel.report.receipt import SCHEMA, receipt
from amlwheel.report.released import ReleasedEnvironment
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
def document(tmp_path_factory: pytest.TempPathFactory) -> Receipt:
    """Return a receipt as the step writes it."""
    changes = [Change("wheel x.whl", Verb.CREATE, "new package", None)]
    return receipt(release(make(tmp_path_factory.mktemp("wheel"))), changes, dry_run=False, sbom="{}")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("receipt") / "aml-release.json"


def reading(path: Path, document: object) -> ReleasedEnvironment:
    path.write_text(json.dumps(document), "utf-8")
    return read(path)


def places(part: object, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every part of a JSON document."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [way, *(one for key, each in inner for one in places(each, (*way, key)))]


def damaged(document: Receipt, way: tuple[Any, ...], by: object) -> object:
    """Return a copy of a receipt with another part at the end of the way."""
    if not way:
        return by
    made = copy.deepcopy(document)
    part: Any = made
    for key in way[:-1]:
        part = part[key]
    part[way[-1]] = by
    return made


# --- what is read


def test_a_receipt_may_be_of_a_registry_alone(document: Receipt, path: Path) -> None:
    version = document["environment"]["version"]
    reference = f"azureml://registries/acme-models/environments/acme-churn/versions/{version}"

    def alone(reference: object) -> Receipt:
        return {**document, "environment": {**document["environment"], "ids": [], "reference": reference}}

    released = reading(path, alone(reference))
    assert (released.registry, released.workspaces) == (Registry("acme-models"), ())
    assert released.reference == reference
    for wrong in (
        f"azureml:acme-churn:{version}",
        reference.replace("acme-models", "../evil"),
        reference.replace("acme-churn", "other"),
        f"{reference}\n::set-output name=x::y",
        5,
    ):
        with pytest.raises(BadReceipt):
            reading(path, alone(wrong))


def test_a_receipt_is_read(document: Receipt, path: Path) -> None:
    released = reading(path, document)
    assert released.reference == document["environment"]["reference"]
    assert [released.id(place) for place in released.workspaces] == document["environment"]["ids"]
    assert released.workspaces == (WORKSPACE,)
    assert [(each.name, each.version) for each in released.packages] == [("acme-churn", "1.2.3")]
    assert released.connection
    assert (released.connection.name, released.connection.index) == ("feed-acme", FEED.index_url)
    assert not released.stored


def test_without_a_feed_there_is_no_connection(document: Receipt, path: Path) -> None:
    released = reading(path, document | {"route": "workspace", "feed": None, "connection": None})
    assert released.connection is None
    assert released.stored


def test_an_older_format_is_read_and_parts_that_nobody_knows_are_passed_over(document: Receipt, path: Path) -> None:
    kept = {name: part for name, part in document.items() if name not in ("plan", "run", "dry_run", "sbom")}
    assert reading(path, kept | {"schema": 1, "more": {"than": "this"}}) == reading(path, document)


# --- what is refused


@pytest.mark.parametrize("number", [SCHEMA + 1, 10**30, "2", None, 2.0, [2]])
def test_a_format_that_nobody_knows_is_refused(document: Receipt, path: Path, number: object) -> None:
    with pytest.raises(BadReceipt, match=f"this version reads 1 to {SCHEMA}") as caught:
        reading(path, document | {"schema": number})
    assert "newer" in caught.value.fix


def test_a_dry_run_released_nothing(document: Receipt, path: Path) -> None:
    with pytest.raises(BadReceipt, match="is from a dry run, which released nothing"):
        reading(path, document | {"dry_run": True})


def without(*way: str) -> Callable[[Receipt], object]:
    def edit(document: Receipt) -> None:
        part: Any = document
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
        (lambda document: document["environment"].update(ids=[]), "don't belong together"),
        (lambda document: document["environment"].update(ids=["/subscriptions/x"]), "is a resource id|part"),
        (lambda document: document["environment"].update(ids=["../../../secret"]), "`workspace`"),
        (lambda document: document["environment"].update(version="1.2.3"), "is an invalid value"),
        (lambda document: document["environment"].update(definition_sha256="0" * 64), "don't belong together"),
        (lambda document: document["environment"].update(image="mcr.microsoft.com/x"), "neither a tag nor a digest"),
        (lambda document: document["environment"].update(image="python"), "names no image"),
        (lambda document: document.update(connection={"name": "x-y-z"}), "KeyError"),
        (lambda document: document.update(feed=None), "TypeError"),
        (lambda document: document.update(packages=[1]), "TypeError"),
    ],
)
def test_what_is_missing_or_does_not_belong_together_is_said(
    document: Receipt, path: Path, edit: Callable[[Receipt], object], why: str
) -> None:
    made = copy.deepcopy(document)
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
    document: Receipt, path: Path, way: tuple[Any, ...], odd: object
) -> None:
    """Names go into addresses and outputs, which users paste into shell lines."""
    if way == ("environment", "version"):
        odd = f"{odd}-{document['environment']['definition_sha256'][:12]}"
    with pytest.raises(BadReceipt):
        reading(path, damaged(document, way, odd))


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
def test_whatever_stands_in_a_receipt_it_is_read_or_refused(document: Receipt, path: Path, data: st.DataObject) -> None:
    """What is read leads to a workspace of Azure's naming rules, and the reference is one version."""
    way = data.draw(st.sampled_from(places(document)))
    with contextlib.suppress(BadReceipt):
        released = reading(path, damaged(document, way, data.draw(JSON)))
        assert released.version.endswith(f"-{released.sha256[:12]}")
        for place in released.workspaces:
            segments = released.id(place).split("/")
            assert segments[:2] == ["", "subscriptions"]
            assert segments[-4] == "environments"
            assert len(segments) == 13
