"""`command: connect`: a new token for forty workspaces by one run, and releases before and after it."""

import pathlib
from typing import Any

from rehearsal.proxy.world import World
from rehearsal.state.names import OTHER_WORKSPACE, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE
from rehearsed.steps import DEBUG, WORKSPACE_LABEL, Result, Step, refused
from rehearsed.test_stored_token import SECOND_TOKEN

NAMES = [WORKSPACE, *(f"ws-{number:02}" for number in range(39))]


def connect(step: Step, names: list[str] = NAMES, token: str = SECOND_TOKEN, **given: Any) -> Result:  # noqa: ANN401
    """Run the step as a renewal does: with no input of a release."""
    labels = tuple(f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{name}" for name in names)
    env = {"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": token, **DEBUG}
    more = {"workspace": labels, "output_dir": "aml-environment", **given}
    return step("--command", "connect", env=env, **more)


def test_one_run_renews_the_token_of_forty_workspaces(step: Step, world: World, wheel: pathlib.Path) -> None:
    with world.store.edit("arm") as arm:
        group = arm[SUBSCRIPTION_ID][RESOURCE_GROUP]
        for name in NAMES[1:]:
            group[name] = {**group[OTHER_WORKSPACE], "workspaceId": name, "connections": {}, "environments": {}}
    first = step(wheel=wheel, output_dir="aml-environment")
    assert first.status == 0, first.output

    none = connect(step, NAMES[:2])  # the feed doesn't know it yet
    assert none.status == 30, none.output
    assert none.writes == []
    with world.store.edit("entra") as entra:
        entra["personal_access_tokens"][SECOND_TOKEN] = {"name": "r2", "scope": "vso.packaging", "role": "Reader"}

    stop = step("--command", "connect", wheel=wheel, verify="none")
    refused(
        stop,
        10,
        "`--wheel`, `--verify` with `--command` connect: such inputs belong",
        "Leave `--wheel`, `--verify` out",
    )
    done = connect(step, connection_token_expires="2030-01-31")
    assert done.status == 0, done.output
    assert done.written == [("PUT", "connections")] * 40
    assert len({line["url"] for line in done.writes}) == 40
    assert {name for name, text in done.outputs.items() if text} == {"index-url", "connection", "changed"}
    assert done.files == first.files
    for name in NAMES:
        (stored,) = world.workspace(name)["connections"].values()
        assert stored["properties"]["credentials"] == {"pat": SECOND_TOKEN}
        assert stored["properties"]["metadata"]["amlwheel-token-expires"] == "2030-01-31"
    assert world.workspace(NAMES[1])["environments"] == {}
    again = connect(step)
    assert (again.status, again.writes, again.outputs["changed"]) == (0, [], "false"), again.output
    assert SECOND_TOKEN not in done.output + again.output

    env = {"AMLWHEEL_CONNECTION_TOKEN": SECOND_TOKEN}
    release = step(wheel=wheel, workspace=WORKSPACE_LABEL, output_dir="aml-environment", env=env)
    assert (release.status, release.writes) == (0, []), release.output
