"""Fifty workspaces of which three fail, each in its own way: the others are done, and the next run does the rest."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import OTHER_WORKSPACE, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE
from rehearsed.steps import Step

NAMES = [WORKSPACE, *(f"ws-{number:02}" for number in range(49))]
LABELS = tuple(f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{name}" for name in NAMES)
STORE, REGISTER = ("PUT", "connections"), ("PUT", "environments")


def refusal(path: str, status: int, code: str) -> dict[str, Any]:
    return {"method": "PUT", "path": path, "status": status, "body": {"error": {"code": code, "message": "No."}}}


def make(world: World, names: Sequence[str]) -> None:
    with world.store.edit("arm") as arm:
        group = arm[SUBSCRIPTION_ID][RESOURCE_GROUP]
        for name in names:
            group[name] = {**group[OTHER_WORKSPACE], "workspaceId": name, "connections": {}, "environments": {}}


@pytest.mark.long
def test_what_fails_on_three_of_fifty_workspaces_stops_no_other(step: Step, world: World, wheel: pathlib.Path) -> None:
    make(world, NAMES[1:])
    given: dict[str, Any] = {"wheel": wheel, "workspace": LABELS, "output_dir": "aml-environment"}
    world.fail(
        refusal("workspaces/ws-07/connections/", 403, "AuthorizationFailed"),
        refusal("workspaces/ws-19/environments/", 409, "Conflict"),
        {"path": "workspaces/ws-33[/?]", "mangle": "silence"},  # from the first question on
    )
    first = step(**given)
    assert first.status == 196, first.output
    assert first.files == {}
    (message,) = first.output.split("\nerror: ")[1:]
    assert message.startswith("AW196 not every workspace is done\n3 of 50 workspaces failed, 47 done.\n")
    lines = {line[2:7]: line for line in message.splitlines() if line.startswith("- ws-")}
    assert [line.split(": ")[1][:4] for line in lines.values()] == ["AW41", "AW46", "AW71"]
    assert "az role assignment create" in lines["ws-07"]
    assert "409 Conflict" in lines["ws-19"]
    assert "no answer within" in lines["ws-33"]
    # Each is tried again, since a refused write may have been made.
    assert first.written.count(("POST", "upload")) == 1
    assert {name for name in NAMES if world.workspace(name)["environments"]} == {*NAMES} - {"ws-07", "ws-19", "ws-33"}

    world.fail()
    again = step(**given)
    assert again.status == 0, again.output
    assert sorted(again.written) == [*[STORE] * 2, *[REGISTER] * 3]
    found = json.loads(again.outputs["environments"])
    assert [each["workspace"].rpartition("/")[2] for each in found if each["changed"]] == ["ws-07", "ws-19", "ws-33"]
    assert {each["reference"] for each in found} == {again.outputs["environment"]}
    assert found[0]["studio-url"] == again.outputs["studio-url"].split(", ")[0]
    assert json.loads(again.files["aml-release.json"])["environments"] == found
    last = step(**given)
    assert (last.status, last.writes) == (0, []), last.output
    assert len(json.loads(last.outputs["environments"])) == 50
