"""`plan-file`, `apply`, `shard`: one job plans and proves, others apply a part each."""

import json
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from amlwheel.report import plan_file
from rehearsal.proxy.world import World
from rehearsal.state.names import OTHER_WORKSPACE, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE
from rehearsed.conftest import renew
from rehearsed.steps import ROOT, Result, Step, in_feed, refused

NAMES = [WORKSPACE, "ws-a", "ws-b", "ws-c"]
LABELS = tuple(f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{name}" for name in NAMES)
PARTS = {"1/3": [WORKSPACE, "ws-c"], "2/3": ["ws-a"], "3/3": ["ws-b"]}
ASKED = {"pkgs.dev.azure.com", "feeds.dev.azure.com", "management.azure.com", "login.microsoftonline.com"}


def succeeded(result: Result) -> Result:
    assert result.status == 0, result.output
    return result


def furnish(world: World) -> None:
    """Make the other workspaces."""
    with world.store.edit("arm") as arm:
        group = arm[SUBSCRIPTION_ID][RESOURCE_GROUP]
        for name in NAMES[1:]:
            group[name] = {**group[OTHER_WORKSPACE], "workspaceId": name, "connections": {}, "environments": {}}


def state(world: World) -> dict[str, object]:
    """Return what releases leave behind: files of the feed, connections and environments, without their times."""
    found = {name: world.workspace(name) for name in NAMES}
    return {"feed": in_feed(world), **{name: _timeless(each) for name, each in found.items()}}


def _timeless(data: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(data, dict):
        return {key: _timeless(each) for key, each in data.items() if "At" not in key and "time" not in key.lower()}
    return [_timeless(each) for each in data] if isinstance(data, list) else data


def alter(path: pathlib.Path, *, sealed: bool = False, **more: object) -> None:
    """Change a plan file, and perhaps compute its hash anew."""
    data = {**json.loads(path.read_text()), **more}
    digest = data.pop("sha256")
    path.write_text(json.dumps({**data, "sha256": plan_file._hash(data) if sealed else digest}))


@pytest.fixture
def given(features: pathlib.Path) -> dict[str, Any]:
    """Return the inputs of both jobs; the planning one gets the wheel as well."""
    return {"package_dir": features, "workspace": LABELS, "python_version": "3.12", "requirements": "six"}


def test_parts_applied_by_other_jobs_leave_what_an_undivided_release_leaves(  # noqa: PLR0913, PLR0917  # fixtures
    step: Step,
    world: World,
    pristine: dict[str, str],
    given: Mapping[str, Any],
    wheel: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    furnish(world)
    files = succeeded(step(**given, wheel=wheel)).released
    undivided = state(world)
    renew(world, pristine)
    furnish(world)

    plan = tmp_path / "handed" / "plan.json"
    planned = succeeded(step(**given, wheel=wheel, plan_file=plan))
    assert (planned.writes, planned.released) == ([], files)
    handed = json.loads(plan.read_text())
    assert [each.rpartition("/")[2] for each in handed["workspaces"]] == NAMES
    assert {each["verb"] for each in handed["plan"]} == {"CREATE"}
    tokens = {step.environment()[f"AMLWHEEL_{name}_TOKEN"] for name in ("FEED", "CONNECTION")}
    assert not [token for token in tokens if token in plan.read_text()]

    wheel.unlink()  # the applying jobs are elsewhere
    schema = json.loads((ROOT / "templates" / "aml-release.schema.json").read_text())
    for part, names in PARTS.items():
        done = succeeded(step(**given, apply=plan, shard=part, output_dir=tmp_path / "part"))
        assert f"workspaces {', '.join(names)} (part {part} of the plan)" in done.told
        assert not [stage for stage in ("Build", "Lock", "Prove", "Audit") if f"---- {stage}" in done.output]
        receipt = json.loads(done.files["aml-release.json"])
        jsonschema.validate(receipt, schema)
        assert receipt["shard"] == part
        assert [each.split("/workspaces/")[1].split("/")[0] for each in receipt["environment"]["ids"]] == names
        assert {line["url"].split("/")[2] for line in done.requests} <= ASKED
        assert ("POST", "upload") in done.written if part == "1/3" else ("POST", "upload") not in done.written
        rest = sorted(kind for kind in done.written if kind[1] != "upload")
        assert rest == sorted([("PUT", "connections"), ("PUT", "environments")] * len(names))
    assert state(world) == undivided

    again = succeeded(step(**given, apply=plan, shard="2/3"))
    assert (again.writes, again.outputs["changed"]) == ([], "false")
    gathered = succeeded(step(**given, apply=plan))
    assert (gathered.writes, gathered.released) == ([], files)


@pytest.mark.long
def test_a_plan_that_is_not_for_the_job_is_refused_before_anything_is_asked(
    step: Step, world: World, given: dict[str, Any], wheel: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    furnish(world)
    plan = tmp_path / "handed" / "plan.json"
    succeeded(step(**given, wheel=wheel, plan_file=plan, verify="none", output_dir=tmp_path / "planned"))
    good = plan.read_bytes()
    job = {**given, "apply": plan, "shard": "1/3", "verify": "none"}

    def stopped(status: int, *told: str, **more: Any) -> None:  # noqa: ANN401
        result = step(**{**job, **more})
        plan.write_bytes(good)
        refused(result, status, *told)
        assert result.requests == []

    alter(plan, proven="Proven.")
    stopped(207, "plan.json isn't what it was when it was written", "hand on all that it writes, unchanged")
    alter(plan, sealed=True, step="0.0.1")
    stopped(209, "plan.json was written by amlwheel '0.0.1'", "Name the same commit or tag of the step in both jobs")
    commit = ["git", "-C", str(given["package_dir"]), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q"]
    subprocess.run([*commit, "--allow-empty", "-m", "Later"], check=True)
    stopped(208, "this job is for", "`--python-version`: not what", "planning job again", python_version="3.11")
    subprocess.run([*commit[:3], "reset", "-q", "HEAD~1"], check=True)
    stopped(10, "'5/4': parts count from 1/4 to 4/4", shard="5/4")
    copy = plan.parent / "dist" / wheel.name
    copy.write_bytes(copy.read_bytes() + b"\0")
    stopped(207, f"{wheel.name} isn't the wheel of the plan")
    copy.write_bytes(wheel.read_bytes())

    with world.store.edit("arm") as arm:
        gone = arm[SUBSCRIPTION_ID][RESOURCE_GROUP].pop("ws-a")
    result = step(**{**job, "shard": "2/3"})
    refused(result, 42, "ws-a", "was deleted or moved since", "Take it out of `--workspace` in both jobs")
    fewer = {**given, "workspace": LABELS[:1] + LABELS[2:], "verify": "none"}
    succeeded(step(**fewer, wheel=wheel, plan_file=plan, output_dir=tmp_path / "planned"))
    assert succeeded(step(**fewer, apply=plan, shard="2/3")).written[0] == ("POST", "upload")
    assert gone["environments"] == {}
