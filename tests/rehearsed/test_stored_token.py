"""The token that a workspace is to hold: expired, nearly so, of a kind that can't last, or one that may publish."""

import datetime
import pathlib
import time
from typing import Any

import pytest
from rehearsal.proxy.world import World
from rehearsal.sign_in.entra import DEVOPS_AUDIENCE
from rehearsal.state.names import CLIENT_ID, FEED_TOKEN, OTHER_WORKSPACE, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE
from rehearsal.web import tokens
from rehearsed.steps import WORKSPACE_LABEL, Result, Step, refused

STORE = [("PUT", "connections")]
SECOND_TOKEN = "fake-second-token-that-reads-0009"
OTHER_LABEL = f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{OTHER_WORKSPACE}"


def day(distance: int) -> str:
    """Return the date in so many days; tests that run at midnight UTC see one day less left."""
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(distance)).isoformat()


def noted(world: World, workspace: str = WORKSPACE) -> dict[str, Any]:
    """Return what stands beside the stored token."""
    (connection,) = world.workspace(workspace)["connections"].values()
    found: dict[str, Any] = connection["properties"]["metadata"]
    return found


def done(result: Result, *warned: str) -> Result:
    """Assert that a run succeeded with these warnings and no others."""
    assert result.status == 0, result.output
    assert result.output.count("warning:") == len(warned), result.output
    for each in warned:
        assert each in result.told
    return result


@pytest.mark.parametrize("more", [{}, {"dry_run": "true"}, {"sdk": "v1"}])
def test_an_expired_token_is_refused_before_anything_is_asked(
    step: Step, wheel: pathlib.Path, more: dict[str, Any]
) -> None:
    result = step(wheel=wheel, connection_token_expires=day(-1), **more)
    told = f"By `--connection-token-expires`, `AMLWHEEL_CONNECTION_TOKEN` expired on {day(-1)}."
    refused(result, 48, told, "Make a new organisation-scoped personal access token with Packaging (read)")
    assert result.requests == []


@pytest.mark.long
def test_the_date_of_a_token_is_kept_and_warned_by_and_goes_with_it(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    soon, later = day(5), day(200)
    first = done(step(wheel=wheel, connection_token_expires=soon), f"days, on {soon}; after that no image can be built")
    assert STORE[0] in first.written
    assert noted(world)["amlwheel-token-expires"] == soon
    assert done(step(wheel=wheel), f"days, on {soon}; after that no image").writes == []  # by the date that is stored
    assert step(wheel=wheel, connection_token_expires=soon).writes == []

    extended = done(step(wheel=wheel, connection_token_expires=f"{later}T10:00:00Z"))
    assert extended.written == STORE
    assert "another expiry date" in extended.output
    assert noted(world)["amlwheel-token-expires"] == later
    assert done(step(wheel=wheel, connection_token_expires=later)).writes == []
    assert extended.files == first.files

    with world.store.edit("entra") as entra:
        entra["personal_access_tokens"][SECOND_TOKEN] = {"name": "r2", "scope": "vso.packaging", "role": "Reader"}
    renewed = done(step(wheel=wheel, env={"AMLWHEEL_CONNECTION_TOKEN": SECOND_TOKEN}))
    assert renewed.written == STORE
    assert list(noted(world)) == ["amlwheel-fingerprint"]


@pytest.mark.long
def test_a_stored_date_that_is_over_warns_and_a_second_workspace_gets_a_known_date(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    done(step(wheel=wheel, connection_token_expires=day(100)))
    done(step(wheel=wheel, workspace=(WORKSPACE_LABEL, OTHER_LABEL)))
    assert noted(world, OTHER_WORKSPACE)["amlwheel-token-expires"] == day(100)
    with world.store.edit("arm") as document:
        (connection,) = document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["connections"].values()
        connection["properties"]["metadata"]["amlwheel-token-expires"] = day(-3)
    again = done(step(wheel=wheel), f"`AMLWHEEL_CONNECTION_TOKEN` expired on {day(-3)}, but the feed still takes it")
    assert again.writes == []


@pytest.mark.long
def test_azureml_core_warns_by_the_input_and_can_keep_no_date(step: Step, world: World, wheel: pathlib.Path) -> None:
    given: dict[str, Any] = {"wheel": wheel, "connection_token_expires": day(5)}
    assert STORE[0] in done(step(sdk="v1", **given), f"days, on {day(5)}").written
    assert noted(world) == {}
    assert done(step(sdk="v2", **given), f"days, on {day(5)}").written == STORE
    other = done(step(sdk="v1", wheel=wheel, connection_token_expires=day(100)))
    assert other.writes == []  # else it would be stored anew each time
    assert noted(world)["amlwheel-token-expires"] == day(5)


def test_an_access_token_is_never_stored_though_the_feed_takes_it(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    end = int(time.time()) + 3600
    claims = {"aud": DEVOPS_AUDIENCE, "appid": CLIENT_ID, "exp": end}
    token = tokens.issue(claims, world.store.read("entra")["signing_key"])
    assert done(step(wheel=wheel, dry_run="true", env={"AMLWHEEL_FEED_TOKEN": token}))
    result = step(wheel=wheel, output_dir="again", env={"AMLWHEEL_CONNECTION_TOKEN": token})
    told = datetime.datetime.fromtimestamp(end, datetime.timezone.utc).strftime("expires at %Y-%m-%d %H:%M UTC")
    refused(result, 49, told, "organisation-scoped personal access token with Packaging (read)")
    assert result.requests == []
    assert token not in result.output


def test_the_jobs_own_token_is_never_stored(step: Step, wheel: pathlib.Path) -> None:
    env = {"AMLWHEEL_CONNECTION_TOKEN": FEED_TOKEN, "SYSTEM_ACCESSTOKEN": FEED_TOKEN}
    result = step(wheel=wheel, env=env)
    refused(result, 49, "is the job's own token (System.AccessToken), which expires with the job")
    assert result.requests == []


def test_a_token_that_may_publish_is_not_one_to_store(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, dry_run="true", env={"AMLWHEEL_CONNECTION_TOKEN": FEED_TOKEN})
    done(result, "`AMLWHEEL_FEED_TOKEN` and `AMLWHEEL_CONNECTION_TOKEN` are one token")


def test_a_token_that_the_feed_refuses_tells_what_to_make(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env={"AMLWHEEL_CONNECTION_TOKEN": "a2b7" * 13})
    cause = "expired, was revoked, belongs to another organisation, or lacks the scope Packaging (read)."
    refused(result, 30, cause, "Make a new organisation-scoped personal access token of acme with Packaging (read)")
