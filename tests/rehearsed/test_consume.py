"""The companion: it passes what is as it was released, and says what isn't; it never writes."""

import datetime
import json
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import OTHER_WORKSPACE, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE, workspace_id
from rehearsed.steps import DEBUG, ROOT, Result, Step, write_wheel

BOTH = tuple(f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{name}" for name in (WORKSPACE, OTHER_WORKSPACE))


def release(step: Step, **given: Any) -> pathlib.Path:  # noqa: ANN401
    wheel = write_wheel(step.scratch / "built", "acme-consumed", "1.0")
    made = step(wheel=wheel, verify="none", workspace=BOTH, **given)
    assert made.status == 0, made.output
    return made.folder / "aml-release.json"


def consume(step: Step, receipt: pathlib.Path, *more: str, env: Mapping[str, str] | None = None) -> Result:
    program: list[str | pathlib.Path] = [sys.executable, "-B", ROOT / "action" / "bootstrap.py", "consume"]
    command = [*program, "--receipt", receipt, *more]
    companion = Step(step.world, step.scratch, step.caches, command)
    return companion.plainly(env)


def change(world: World, edit: Callable[[dict[str, Any]], None]) -> None:
    arm = world.store.read("arm")
    edit(arm[SUBSCRIPTION_ID][RESOURCE_GROUP][OTHER_WORKSPACE])
    world.store.write("arm", arm)


def version_of(workspace: dict[str, Any]) -> dict[str, Any]:
    (versions,) = workspace["environments"].values()
    (found,) = versions.values()
    properties: dict[str, Any] = found["properties"]
    return properties


@pytest.mark.parametrize("sdk", ["v2", "v1"])
def test_what_is_as_it_was_released(step: Step, sdk: str) -> None:
    receipt = release(step, sdk=sdk)
    said = json.loads(receipt.read_text())
    result = consume(step, receipt)
    assert result.status == 0, result.output
    assert result.writes == []
    assert result.outputs["environment"] == said["environment"]["reference"]
    assert result.outputs["connection"] == said["connection"]["name"]
    assert all(identity in result.output for identity in said["environment"]["ids"])
    one = consume(step, receipt, "--workspace", BOTH[1], env=DEBUG)
    assert "debug: GET https://management.azure.com/" in one.output
    assert one.outputs["environment-id"].startswith(workspace_id(OTHER_WORKSPACE))


def test_each_thing_that_is_not_as_it_was(step: Step, world: World) -> None:
    receipt = release(step)
    arm = json.dumps(world.store.read("arm"))

    def after(edit: Callable[[dict[str, Any]], None], *more: str) -> Result:
        world.store.write("arm", json.loads(arm))
        change(world, edit)
        result = consume(step, receipt, *more)
        assert result.writes == []
        assert result.outputs == {}
        return result

    def ends(days: int) -> Callable[[dict[str, Any]], None]:
        day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).date().isoformat()

        def edit(workspace: dict[str, Any]) -> None:
            (connection,) = workspace["connections"].values()
            connection["properties"]["metadata"]["amlwheel-token-expires"] = day

        return edit

    gone = after(lambda workspace: workspace["environments"].clear())
    assert gone.status == 84, gone.output
    assert OTHER_WORKSPACE in gone.told
    archived = after(lambda workspace: version_of(workspace).update(isArchived=True))
    assert archived.status == 84, archived.output
    other = after(lambda workspace: version_of(workspace).update(condaFile="dependencies: [python=3.9]"))
    assert other.status == 85, other.output
    image = after(lambda workspace: version_of(workspace).update(image="mcr.microsoft.com/azureml/other:1"))
    assert image.status == 85, image.output
    unconnected = after(lambda workspace: workspace["connections"].clear())
    assert unconnected.status == 86, unconnected.output
    soon = after(ends(20), "--alarm-days", "21")
    assert soon.status == 87, soon.output
    assert "20 day(s) from today" in soon.told
    world.store.write("arm", json.loads(arm))
    change(world, ends(22))
    assert consume(step, receipt, "--alarm-days", "21").status == 0


def test_wheels_in_the_workspaces_own_storage(step: Step, world: World) -> None:
    """Each workspace has the wheel at another address, under one version; another file at it is another environment."""
    receipt = release(step, route="workspace", feed="")
    said = json.loads(receipt.read_text())
    assert (said["route"], said["connection"]) == ("workspace", None)
    held = world.store.read("arm")[SUBSCRIPTION_ID][RESOURCE_GROUP]
    first, second = (version_of(held[name])["condaFile"] for name in (WORKSPACE, OTHER_WORKSPACE))
    assert first != second
    result = consume(step, receipt, "--alarm-days", "21")
    assert result.status == 0, result.output
    assert result.writes == []
    assert result.outputs["environment"] == said["environment"]["reference"]
    assert result.outputs["connection"] == ""

    def other_wheel(workspace: dict[str, Any]) -> None:
        properties = version_of(workspace)
        properties["condaFile"] = properties["condaFile"].replace("acme_consumed-1.0", "acme_consumed-1.1")

    change(world, other_wheel)
    assert consume(step, receipt).status == 85
    assert consume(step, receipt, "--workspace", BOTH[0]).status == 0


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda said: said.update(schema=3), "format 3"),
        (lambda said: said.update(dry_run=True), "dry run"),
        (lambda said: said.pop("environment"), "isn't the receipt"),
        (lambda said: said["environment"].update(ids=["/subscriptions/x"]), "has 2 part(s)"),
        (lambda said: said["environment"].update(version="1.0"), "is an invalid value"),
    ],
)
def test_a_receipt_that_is_none(step: Step, edit: Callable[[dict[str, Any]], None], told: str) -> None:
    sha256 = "0123456789ab" + "0" * 52
    said: dict[str, Any] = {
        "schema": 2,
        "route": "feed",
        "packages": [{"name": "x", "version": "1.0", "wheel": "x-1.0-py3-none-any.whl", "sha256": "0" * 64}],
        "feed": None,
        "connection": None,
        "environment": {
            "name": "x",
            "version": "1.0-0123456789ab",
            "image": f"mcr.microsoft.com/azureml/x@sha256:{'a' * 64}",
            "definition_sha256": sha256,
            "ids": [f"{workspace_id()}/environments/x/versions/1.0-0123456789ab"],
        },
    }
    edit(said)
    path = step.scratch / "aml-release.json"
    path.write_text(json.dumps(said))
    result = consume(step, path)
    assert result.status == 83, result.output
    assert told in result.told
    assert result.requests == []


def test_no_receipt(step: Step) -> None:
    result = consume(step, step.scratch / "nothing.json")
    assert result.status == 83
    assert "No such file" in result.told
