"""Promotion to a view: once, after publishing; and what stands in its way."""

import json
import os
import pathlib
import signal
import threading
import time
from typing import Any

import jsonschema
import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import FEED, ORGANIZATION
from rehearsed.steps import FEED_LABEL, PACKAGES, ROOT, SIGN_IN, Result, Step, in_feed, refused, write_wheel

PROMOTION = {"host": PACKAGES, "path": "/versions/", "method": "PATCH"}
PAGE = {"Content-Type": "text/html"}
RELEASE = [("POST", "upload"), ("PATCH", "versions"), ("PUT", "connections"), ("PUT", "environments")]


def promoted(world: World, feed: str = FEED) -> dict[str, list[str]]:
    """Return the views of each promoted version of a feed."""
    feeds = world.store.read("feeds")[ORGANIZATION]["feeds"]
    found: dict[str, list[str]] = next(one["promoted"] for one in feeds if one["name"] == feed)
    return found


def succeeded(result: Result) -> Result:
    assert result.status == 0, result.output
    return result


def test_a_release_is_promoted_once_and_then_kept(step: Step, world: World, wheel: pathlib.Path) -> None:
    planned = succeeded(step(wheel=wheel, feed_view="Release", dry_run="true"))
    assert planned.writes == []
    assert "CREATE view Release of acme_features-0.3.0-py3-none-any.whl" in planned.told
    first = succeeded(step(wheel=wheel, feed_view="Release"))
    assert first.written == RELEASE
    assert promoted(world) == {"acme-features/0.3.0": ["Release"]}
    assert first.released == planned.released
    receipt = json.loads(first.files["aml-release.json"])
    jsonschema.validate(receipt, json.loads((ROOT / "templates" / "aml-release.schema.json").read_text()))
    assert receipt["feed"]["view"] == "Release"
    assert "@" not in receipt["feed"]["index_url"]
    again = succeeded(step(wheel=wheel, feed_view="Release"))
    assert again.writes == []
    assert "KEEP view Release of" in again.told
    assert again.released == first.released
    assert again.outputs == first.kept


def test_every_wheel_is_promoted_and_one_that_is_already_is_kept(
    step: Step, world: World, wheel: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    other = write_wheel(tmp_path / "wheels", "acme-core", "1.0")
    succeeded(step(wheel=other, feed_view="Release"))
    both = succeeded(step(wheel=(wheel, other), feed_view="release"))
    assert both.written == [*RELEASE[:2], RELEASE[3]]
    assert promoted(world) == {"acme-core/1.0": ["Release"], "acme-features/0.3.0": ["Release"]}


def test_what_was_published_without_a_view_is_promoted_later(step: Step, world: World, wheel: pathlib.Path) -> None:
    unpromoted = succeeded(step(wheel=wheel))
    assert "view" not in json.loads(unpromoted.files["aml-release.json"])["feed"]
    later = succeeded(step(wheel=wheel, feed_view="Prerelease"))
    assert later.written == [RELEASE[1]]
    assert later.outputs["environment"] == unpromoted.outputs["environment"]
    assert promoted(world) == {"acme-features/0.3.0": ["Prerelease"]}


@pytest.mark.parametrize("inputs", [{"feed_view": "Relaese"}, {"feed": f"{FEED_LABEL}@Relaese"}])
def test_a_view_that_is_not_there_stops_the_step_before_the_build(
    step: Step, features: pathlib.Path, inputs: dict[str, Any]
) -> None:
    result = step(package_dir=features, **inputs)
    refused(result, 56, f"Feed {FEED_LABEL} has no view Relaese.", "are Local, Prerelease, Release.")
    assert result.output.count("AW56 ") == 1
    assert "---- Build" not in result.told


# --- a feed with a view in its name


def test_with_a_view_in_feed_images_are_built_from_it_and_the_release_is_promoted_to_it(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    feed = f"{FEED_LABEL}@Release"
    first = succeeded(step(wheel=wheel, feed=feed))
    assert first.written == RELEASE
    assert in_feed(world).keys() == {wheel.name}
    assert promoted(world) == {"acme-features/0.3.0": ["Release"]}
    assert "/_packaging/wheels@Release/pypi/simple/" in first.outputs["index-url"]
    assert succeeded(step(wheel=wheel, feed=feed, feed_view="release")).writes == []
    refused(step(wheel=wheel, feed=feed, feed_view="Prerelease", output_dir="other"), 10, "from the view 'Release'")


def test_local_shows_every_version_so_nothing_is_promoted(step: Step, wheel: pathlib.Path) -> None:
    result = succeeded(step(wheel=wheel, feed=f"{FEED_LABEL}@Local"))
    assert result.written == [RELEASE[0], *RELEASE[2:]]


# --- what goes wrong


def stopped(world: World, result: Result, status: int, *told: str) -> None:
    """Assert that a run failed at the promotion: published, and nothing in the workspace."""
    assert result.status == status, result.output
    assert f"error: AW{status} " in result.output
    for each in told:
        assert each in result.told
    assert ("POST", "upload") in result.written
    assert promoted(world) == {}
    assert world.workspace()["environments"] == world.workspace()["connections"] == {}


@pytest.mark.parametrize(
    ("status", "answer", "times", "told"),
    [
        (57, {"status": 403, "body": {"message": "You need 'Promote'."}}, 1, ("'Promote'", "Feed Publisher")),
        (57, {"status": 404, "body": {"message": "Cannot find it."}}, 3, ("Cannot find it.", "have been deleted")),
        (57, {"status": 503}, 3, ("answered 503 to the promotion of acme_features", "what is done is kept")),
        (31, {"status": 203, "body": SIGN_IN, "headers": PAGE}, 1, ("203 and a sign-in page",)),
        (31, {"status": 200, "body": SIGN_IN, "headers": PAGE}, 1, ("200 and a sign-in page",)),
        (30, {"status": 401}, 1, ("The feed refused `AMLWHEEL_FEED_TOKEN`",)),
    ],
)
def test_a_promotion_that_is_refused_and_the_run_that_continues(  # noqa: PLR0913, PLR0917  # a table
    step: Step,
    world: World,
    wheel: pathlib.Path,
    status: int,
    answer: dict[str, Any],
    times: int,
    told: tuple[str, ...],
) -> None:
    world.fail({**PROMOTION, **answer})
    result = step(wheel=wheel, feed_view="Release")
    stopped(world, result, status, *told)
    assert result.written.count(RELEASE[1]) == times
    world.fail()
    assert succeeded(step(wheel=wheel, feed_view="Release")).written == RELEASE[1:]


def test_a_fault_that_passes_is_waited_for(step: Step, world: World, wheel: pathlib.Path) -> None:
    world.fail({**PROMOTION, "status": 503, "times": 1, "after": True}, {**PROMOTION, "reset": True, "times": 1})
    result = succeeded(step(wheel=wheel, feed_view="Release"))
    assert result.written.count(RELEASE[1]) > 1
    assert promoted(world) == {"acme-features/0.3.0": ["Release"]}


def test_a_run_that_was_killed_between_publishing_and_promotion_is_continued(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    def kill(process: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not any(line["method"] == "PATCH" for line in world.requests()[before:]):
            time.sleep(0.05)
        os.kill(process, signal.SIGKILL)

    before = len(world.requests())
    world.fail({**PROMOTION, "status": 503})  # it pauses before it tries again
    result = step(
        wheel=wheel, feed_view="Release", watch=lambda process: threading.Thread(target=kill, args=[process]).start()
    )
    assert result.status == -signal.SIGKILL
    assert result.written == RELEASE[:2]
    assert promoted(world) == {}
    assert in_feed(world).keys() == {wheel.name}
    world.fail()
    assert succeeded(step(wheel=wheel, feed_view="Release")).written == RELEASE[1:]


def test_where_the_token_may_not_ask_the_interface_the_step_works_and_says_what_it_was_not_told(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    world.fail({"host": r"^feeds\.dev\.azure\.com$", "status": 203, "body": SIGN_IN, "headers": PAGE})
    result = succeeded(step(wheel=wheel, feed_view="Release"))
    assert result.written == RELEASE
    assert "Azure DevOps doesn't say, since its interface takes other tokens: which packages are" in result.told
    assert "; whether the token may publish; whether view Release exists" in result.told
    assert len([line for line in result.requests if "feeds.dev.azure.com" in line["url"]]) < 5
    refused(step(wheel=wheel, feed_view="Relaese", output_dir="other"), 56, "has no view Relaese")
