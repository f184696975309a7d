"""Uploads that go wrong: what the index shows afterwards decides, and nothing is registered that isn't there."""

import pathlib
from typing import Any

import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import FEED_TOKEN
from rehearsed.steps import PACKAGES, SIGN_IN, Result, Step, in_feed, sha256

UPLOAD = {"host": PACKAGES, "path": r"/pypi/upload", "method": "POST"}


def stopped(world: World, result: Result, status: int, *told: str) -> None:
    """Assert that a run failed at the upload: with its code, and with nothing in the workspace."""
    assert result.status == status, result.output
    assert f"error: AW{status} " in result.output
    for each in told:
        assert each in result.told
    assert result.written[:1] == [("POST", "upload")]
    assert world.workspace()["environments"] == {}
    assert world.workspace()["connections"] == {}


def test_a_token_that_may_not_write_though_its_owner_may(step: Step, world: World, wheel: pathlib.Path) -> None:
    """Nothing but the upload tells a token's scope."""
    with world.store.edit("entra") as document:
        document["personal_access_tokens"][FEED_TOKEN]["scope"] = "vso.packaging"
    result = step(wheel=wheel)
    stopped(world, result, 33, "forbids this to `AMLWHEEL_FEED_TOKEN`", "'AddPackage'", "Feed Publisher (Contributor)")
    assert in_feed(world) == {}


@pytest.mark.long
@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (30, {"status": 401}, "The feed refused `AMLWHEEL_FEED_TOKEN`"),
        (31, {"status": 203, "body": SIGN_IN, "headers": {"Content-Type": "text/html"}}, "203 and a sign-in page"),
        (31, {"status": 200, "body": SIGN_IN, "headers": {"Content-Type": "text/html"}}, "200 and a sign-in page"),
        (32, {"status": 302, "headers": {"Location": "https://spsprodweu1.example/_signin"}}, "302 to https://spsprod"),
        (36, {"status": 400, "body": {"message": "No more storage."}}, "No more storage. "),
        (
            27,
            {"status": 400, "body": {"message": "Metadata version '2.4' is unsupported."}},
            "refuses Metadata-Version",
        ),
    ],
)
def test_an_upload_that_is_refused(  # noqa: PLR0913, PLR0917  # a table
    step: Step, world: World, wheel: pathlib.Path, status: int, answer: dict[str, Any], told: str
) -> None:
    """Among them: the token was revoked after the first look, or a page looks like success and stored nothing."""
    world.fail({**UPLOAD, **answer})
    stopped(world, step(wheel=wheel), status, told)
    assert in_feed(world) == {}


def test_running_again_is_the_recovery(step: Step, world: World, wheel: pathlib.Path) -> None:
    world.fail({**UPLOAD, "status": 401})
    stopped(world, step(wheel=wheel), 30)
    world.fail()
    again = step(wheel=wheel)
    assert again.status == 0, again.output
    assert again.written == [("POST", "upload"), ("PUT", "connections"), ("PUT", "environments")]


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "times": 1},
        {"status": 503, "times": 1, "after": True},
        {"status": 429, "times": 1, "headers": {"Retry-After": "1"}},
        {"reset": True, "times": 1},
        {"reset": True, "times": 1, "after": True},
    ],
    ids=["busy", "stored-then-503", "throttled", "reset", "stored-then-reset"],
)
def test_an_upload_that_fails_once(step: Step, world: World, wheel: pathlib.Path, fault: dict[str, Any]) -> None:
    world.fail({**UPLOAD, **fault})
    result = step(wheel=wheel)
    assert result.status == 0, result.output
    assert "rying again in 1 second" in result.told
    assert result.written == [("POST", "upload")] * 2 + [("PUT", "connections"), ("PUT", "environments")]
    assert result.writes[1]["status"] == (409 if fault.get("after") else 202)
    assert in_feed(world) == {wheel.name: sha256(wheel)}
    again = step(wheel=wheel)
    assert again.writes == []
    assert again.released == result.released


def test_an_index_that_lags(step: Step, world: World, wheel: pathlib.Path) -> None:
    page = {"host": PACKAGES, "path": r"/pypi/simple/acme-features/", "method": "GET"}
    looks = len([line for line in step(wheel=wheel, dry_run="true").requests if "/pypi/simple/" in line["url"]])
    world.fail({**page, "skip": looks, "times": 3, "status": 404, "body": {"typeKey": "PackageNotFoundException"}})
    result = step(wheel=wheel)
    assert result.status == 0, result.output
    shown = [line["status"] for line in result.requests if "/pypi/simple/" in line["url"]][looks:]
    assert shown[:4] == [404, 404, 404, 200]
    assert result.written.count(("POST", "upload")) == 1
