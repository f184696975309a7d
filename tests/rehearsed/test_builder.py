"""What the step registers installs the way the workspace's image builder installs it, and nothing else does."""

import base64
import pathlib
import re
from typing import Any

import pytest
from rehearsal.builder import build as builder
from rehearsal.proxy.world import World
from rehearsal.state.names import (
    FEED_TOKEN,
    ORGANIZATION,
    OTHER_WORKSPACE,
    READ_TOKEN,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
    workspace_id,
)
from rehearsed.steps import Result, Step, refused, write_wheel


@pytest.fixture
def released(step: Step, world: World, tmp_path: pathlib.Path) -> Result:
    """Return the run that released a package with a private dependency."""
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-core", "3.0"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core"])
    result = step(wheel=wheel)
    assert result.status == 0, result.output
    return result


def build(world: World, released: Result) -> builder.BuildResult:
    """Have the image of the registered environment built."""
    outputs = released.outputs
    return builder.build(world, workspace_id(), outputs["environment-name"], outputs["environment-version"])


def properties(document: dict[str, Any], released: Result) -> dict[str, Any]:
    """Return the registered environment's properties, to be changed."""
    name, version = released.outputs["environment-name"], released.outputs["environment-version"]
    found: dict[str, Any] = records(document)["environments"][name][version]["properties"]
    return found


def records(document: dict[str, Any]) -> dict[str, Any]:
    """Return all that the workspace holds, to be changed."""
    found: dict[str, Any] = document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]
    return found


FORMS = {"user": f"{READ_TOKEN}:", "password": f"ado:{READ_TOKEN}"}


def test_the_registered_environment_installs_with_the_token_in_either_form(world: World, released: Result) -> None:
    for form, login in FORMS.items():
        with world.store.edit("builder") as document:
            document["pat"] = form
        before = len(world.requests())
        built = build(world, released)
        assert built.ok, built.log
        assert built.installed == ("acme_core 3.0", "acme_features 0.3.0")
        assert READ_TOKEN not in built.log
        used = {line["request_headers"].get("authorization") for line in world.requests()[before:]}
        assert used - {None} == {f"Basic {base64.b64encode(login.encode()).decode()}"}


def test_a_feed_that_refuses_one_form_is_told_before_anything_is_stored(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    """Azure Artifacts takes both forms; this one doesn't, and a user's name beside the token mends it."""
    with world.store.edit("feeds") as document:
        document[ORGANIZATION]["takes_only"] = "password"
    form = "as the user, without a password, and takes it as the password of a user."
    told = f"pkgs.dev.azure.com refuses `AMLWHEEL_CONNECTION_TOKEN` {form}"
    refused(step(wheel=wheel), 168, told, "Set `--connection-user` to any name")
    result = step(wheel=wheel, connection_user="any")
    assert result.status == 0, result.output
    assert build(world, result).ok


@pytest.mark.long
@pytest.mark.parametrize("package", ["acme-core", "acme-features"])
def test_with_one_sha256_altered_it_does_not(world: World, released: Result, package: str) -> None:
    with world.store.edit("arm") as document:
        environment = properties(document, released)
        altered = re.sub(rf"({package}==\S+ --hash=sha256:)....", r"\g<1>0000", environment["condaFile"])
        assert altered != environment["condaFile"]
        environment["condaFile"] = altered
    built = build(world, released)
    assert not built.ok
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in built.log


def test_with_other_bytes_in_the_feed_it_does_not(world: World, released: Result, tmp_path: pathlib.Path) -> None:
    world.seed_wheel(write_wheel(tmp_path / "others", "acme-core", "3.0", text="others"))
    built = build(world, released)
    assert not built.ok
    assert "DO NOT MATCH THE HASHES" in built.log


def test_without_the_connection_it_asks_for_a_user(world: World, released: Result) -> None:
    with world.store.edit("arm") as document:
        records(document)["connections"].clear()
    built = build(world, released)
    assert not built.ok
    assert re.search(r"User for pkgs\.dev\.azure\.com|401|EOF when reading", built.log)


def test_with_a_token_that_was_revoked_it_does_not(world: World, released: Result) -> None:
    with world.store.edit("entra") as document:
        del document["personal_access_tokens"][READ_TOKEN]
    assert not build(world, released).ok


def test_with_two_connections_for_one_target_it_does_not(world: World, released: Result) -> None:
    with world.store.edit("arm") as document:
        (connection,) = records(document)["connections"].values()
        records(document)["connections"]["another"] = {**connection, "name": "another"}
    built = build(world, released)
    assert not built.ok
    assert "Unique workspace connection not available" in built.log


def test_a_new_token_reaches_the_next_build(step: Step, world: World, released: Result) -> None:
    """A connection's secret is changed by running the step with another one; nothing else changes."""
    with world.store.edit("entra") as document:
        pats = document["personal_access_tokens"]
        pats["fake-token-of-a-new-reader-0004"] = pats.pop(READ_TOKEN)
    wheel = next((step.scratch / "wheels").iterdir())
    renewed = step(wheel=wheel, env={"AMLWHEEL_CONNECTION_TOKEN": "fake-token-of-a-new-reader-0004"})
    assert renewed.status == 0, renewed.output
    assert renewed.written == [("PUT", "connections")]
    assert build(world, released).ok


def test_the_other_workspace_has_nothing(world: World, released: Result) -> None:
    assert FEED_TOKEN not in world.store.path("arm").read_text("utf-8")
    assert world.workspace(OTHER_WORKSPACE)["environments"] == {}
    with pytest.raises(KeyError):
        builder.build(world, workspace_id(OTHER_WORKSPACE), released.outputs["environment-name"], "1")
