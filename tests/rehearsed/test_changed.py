"""What a release changes is told beside the newest environment of the workspace: in plan, summary and receipt."""

import json
import pathlib
from typing import Any

import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import OTHER_WORKSPACE, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE
from rehearsed.steps import WORKSPACE_LABEL, Result, Step, write_wheel

BOTH = (WORKSPACE_LABEL, f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{OTHER_WORKSPACE}")
FOREIGN = """\
channels: [conda-forge]
dependencies:
- python=3.10
- pip:
  - --extra-index-url https://me:hunter2@pkgs.example/simple/
  - "idna<3; python_version < '4'"
  - "|`[x](y)::error::##vso[task.complete]"
"""


def changes(result: Result) -> list[dict[str, Any]]:
    """Return what the receipt tells; nothing without a new environment."""
    assert result.status == 0, result.output
    receipt = json.loads(result.files["aml-release.json"])
    found: list[dict[str, Any]] = receipt.get("changes", [])
    return found


@pytest.mark.long
def test_packages_image_and_python_are_compared_with_the_newest_version(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    page = tmp_path / "summary.md"
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    first, second, third = (
        write_wheel(tmp_path / "wheels", "acme-changed", version, requires=requires, text=version)
        for version, requires in (
            ("1.0", ["idna==3.6", "six==1.16.0"]),
            ("1.1", ["idna==3.6", "six==1.16.0"]),
            ("1.2", ["idna==3.4", "attrs==23.2.0"]),
        )
    )
    made = step(wheel=first)
    assert changes(made) == [{"workspaces": [WORKSPACE], "differences": []}]
    assert "The first version of acme-changed on ws-train." in made.told

    own = step(wheel=second, env=env)
    (only,) = changes(own)
    assert [each["name"] for each in only["differences"]] == ["acme-changed"]
    version = own.files["conda.yml"]
    told = "Only the package of the release differs from azureml:acme-changed:1.0-"
    assert f"{told}" in own.told
    assert "on ws-train: acme-changed 1.0 → 1.1." in own.told
    assert told in page.read_text()

    # A third release for two workspaces, one of which has a version that somebody else made.
    record = world.workspace()["environments"]["acme-changed"]
    with world.store.edit("arm") as arm:
        held = arm[SUBSCRIPTION_ID][RESOURCE_GROUP][OTHER_WORKSPACE]["environments"]
        (newest,) = list(record.values())[-1:]
        by_hand = {**newest["properties"], "condaFile": FOREIGN, "image": "mcr.microsoft.com/azureml/own:1"}
        gone = {**newest["properties"], "isArchived": True}
        held["acme-changed"] = {
            "7": {**newest, "name": "7", "properties": by_hand},
            "8": {**newest, "name": "8", "properties": gone},
        }
    page.unlink()
    third_run = step(wheel=third, workspace=BOTH, env=env, python_version="3.12", output_dir=tmp_path / "third")
    ours, theirs = changes(third_run)
    assert version != third_run.files["conda.yml"]
    assert ours["workspaces"] == [WORKSPACE]
    assert ours["since"].startswith("azureml:acme-changed:1.1-")
    rows = {
        (each["kind"], each["name"]): (each["change"], each.get("from"), each.get("to")) for each in ours["differences"]
    }
    assert rows["package", "idna"] == ("down", "3.6", "3.4")
    assert rows["package", "six"] == ("removed", "1.16.0", None)
    assert rows["package", "attrs"] == ("added", None, "23.2.0")
    assert rows["Python", "Python"][0] == "up"
    assert theirs["since"] == "azureml:acme-changed:7"
    assert {
        "kind": "package",
        "name": "idna",
        "change": "changed",
        "from": '<3; python_version < "4"',
        "to": "3.4",
    } in theirs["differences"]
    said = third_run.output + page.read_text() + third_run.files["aml-release.json"].decode()
    assert "hunter2" not in said
    assert "\n::error" not in said
    assert "##vso[task" not in third_run.output
    assert "<details><summary>All" in page.read_text()
    asked = [line for line in third_run.requests if "/versions?" in line["url"]]
    assert len(asked) == 2

    # Azure doesn't tell: the release goes on.
    world.fail({"path": r"/versions\?", "status": 503, "times": 99})
    fourth = write_wheel(tmp_path / "wheels", "acme-changed", "1.3", requires=["idna==3.4"], text="1.3")
    (unknown,) = changes(step(wheel=fourth, output_dir=tmp_path / "fourth"))
    assert "503" in unknown["unknown"]
