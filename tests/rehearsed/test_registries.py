"""One workspace and one registry: the environment is shared by an organisation, the connection is the workspace's."""

import functools
import json
import pathlib
from typing import Any

import jsonschema
import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import (
    MODEL_REGISTRY,
    OTHER_WORKSPACE,
    READER_CLIENT_ID,
    READER_CLIENT_SECRET,
    RESOURCE_GROUP,
    SHARED_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
)
from rehearsed import checkouts, test_consume
from rehearsed.steps import ROOT, WORKSPACE_LABEL, Step, refused

REGISTRY = f"azureml://registries/{MODEL_REGISTRY}"
SECOND = f"{REGISTRY.upper().replace('AZUREML://REGISTRIES', 'azureml://registries')}/"
STORE, REGISTER = ("PUT", "connections"), ("PUT", "environments")


def said(status: int, code: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # a fault
    return {"status": status, "body": {"error": {"code": code, "message": "Not here."}}, **more}


def test_an_environment_is_registered_once_for_an_organisation(step: Step, world: World, wheel: pathlib.Path) -> None:
    given: dict[str, Any] = {"wheel": wheel, "workspace": (WORKSPACE_LABEL, REGISTRY, SECOND)}
    planned = step(dry_run="true", **given)
    assert (planned.status, planned.writes) == (0, []), planned.output
    assert f"on registry {MODEL_REGISTRY}" in planned.output

    first = step(**given)
    assert first.status == 0, first.output
    assert sorted(first.written) == [("POST", "upload"), STORE, REGISTER, REGISTER]
    version = first.outputs["environment-version"]
    name = first.outputs["environment-name"]
    shared = f"{REGISTRY}/environments/{name}/versions/{version}"
    on_workspace, in_registry = json.loads(first.outputs["environments"])
    assert first.outputs["environment"] == on_workspace["reference"] == f"azureml:{name}:{version}"
    assert in_registry == {
        "registry": MODEL_REGISTRY,
        "reference": shared,
        "changed": True,
        "studio-url": f"https://ml.azure.com/registries/{MODEL_REGISTRY}/environments/{name}/version/{version}",
    }
    stored = world.store.read("registries")[MODEL_REGISTRY]["environments"][name][version]["properties"]
    registered = world.workspace(WORKSPACE)["environments"][name][version]["properties"]
    assert {key: stored[key] for key in ("image", "condaFile", "tags")} == {
        key: registered[key] for key in ("image", "condaFile", "tags")
    }
    receipt = json.loads(first.files["aml-release.json"])
    assert receipt["environments"] == [on_workspace, in_registry]
    assert [each.split("/")[8] for each in receipt["environment"]["ids"]] == [WORKSPACE]
    polls = [line for line in first.requests if "/operations/" in line["url"]]
    assert [line["status"] for line in polls] == [200, 200]

    again = step(**given)
    assert (again.status, again.writes, again.outputs) == (0, [], first.kept), again.output


def test_a_registry_that_is_not_there_or_refuses_is_told(step: Step, world: World, wheel: pathlib.Path) -> None:
    given: dict[str, Any] = {"wheel": wheel, "workspace": (WORKSPACE_LABEL, REGISTRY)}
    gone = step(wheel=wheel, workspace=(WORKSPACE_LABEL, f"{REGISTRY}-old"))
    refused(gone, 198, f"There is no registry {MODEL_REGISTRY}-old: 404 RegistryNotFound.", "az ml registry list")

    reader = {"AZURE_CLIENT_ID": READER_CLIENT_ID, "AZURE_CLIENT_SECRET": READER_CLIENT_SECRET}
    may_not = step(wheel=wheel, workspace=REGISTRY, env=reader)
    refused(may_not, 197, "no role that allows assets/write", "--role 'AzureML Registry User'")
    world.fail(said(403, "Forbidden", path="/discovery"))
    refused(step(dry_run="true", **given), 197, f"The registry {MODEL_REGISTRY} forbids this: 403 Forbidden.")

    failed = {"status": "Failed", "error": {"code": "ImageBuildFailed", "message": "No matching distribution."}}
    world.fail({"path": "/operations/", "status": 200, "body": failed})
    broken = step(**given)
    assert broken.status == 196, broken.output
    assert f"registry {MODEL_REGISTRY}: AW199 registry refused." in broken.told
    assert "Failed ImageBuildFailed" in broken.told
    assert "No matching distribution." in broken.told
    assert world.workspace(WORKSPACE)["environments"]
    world.fail({**said(409, "Conflict", path="/mferp/"), "method": "PUT"})
    busy = step(**{**given, "workspace": REGISTRY})
    assert busy.status == 199, busy.output
    assert "Another run is registering the same version" in busy.told
    # The advice, literally: the workspaces themselves, without the registry.
    assert step(wheel=wheel).status == 0
    world.fail()
    assert step(**given).written == [REGISTER]
    assert world.store.read("registries")[MODEL_REGISTRY]["group"] == SHARED_GROUP


def test_parts_of_a_plan_are_registries_and_training_uses_them(
    step: Step, world: World, features: pathlib.Path, wheel: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with world.store.edit("registries") as known:
        elsewhere = {"group": "rg-two", "region": "westus2", "environments": {}, "operations": {}}
        known["acme-two"] = {**known[MODEL_REGISTRY], **elsewhere}
    places = (WORKSPACE_LABEL, REGISTRY, "azureml://registries/acme-two")
    given: dict[str, Any] = {"package_dir": features, "workspace": places, "verify": "none"}
    refused(step(**given, wheel=wheel, sdk="v1"), 10, "azureml-core knows no registries", "or set `--sdk` to v2")
    ready = step("--check", wheel=wheel, workspace=places)
    assert (ready.status, ready.writes) == (0, []), ready.output
    assert "registry acme-two the identity has its role" in ready.told

    plan = tmp_path / "handed" / "plan.json"
    planned = step(**given, wheel=wheel, plan_file=plan)
    assert (planned.status, planned.writes) == (0, []), planned.output
    assert "from a registry, needs the connection feed-acme (command connect)" in planned.told
    with world.store.edit("registries") as known:
        moved = known.pop("acme-two")
    gone = step(**given, apply=plan, shard="1/2", output_dir=tmp_path / "gone")
    refused(gone, 198, "There is no registry acme-two", "was deleted or moved since")
    with world.store.edit("registries") as known:
        known["acme-two"] = moved
    schema = json.loads((ROOT / "templates" / "aml-release.schema.json").read_text())
    parts = [step(**given, apply=plan, shard=f"{each}/2", output_dir=tmp_path / "part") for each in (1, 2)]
    assert [each.status for each in parts] == [0, 0], parts[0].output + parts[1].output
    assert sorted(parts[0].written) == [("POST", "upload"), STORE, REGISTER, REGISTER]
    assert parts[1].written == [REGISTER]
    for each in parts:
        jsonschema.validate(json.loads(each.files["aml-release.json"]), schema)
    name, version = (parts[0].outputs[f"environment-{each}"] for each in ("name", "version"))
    shared = f"{REGISTRY}/environments/{name}/versions/{version}"
    assert [each.outputs["environment"] for each in parts] == [f"azureml:{name}:{version}", shared]
    assert version in world.store.read("registries")["acme-two"]["environments"][name]
    gathered = step(**given, apply=plan)
    assert (gathered.status, gathered.writes, gathered.released) == (0, [], planned.released), gathered.output

    # A team whose workspace the release doesn't name: it has the environment from the registry.
    other = ("--workspace", f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{OTHER_WORKSPACE}")
    receipt = tmp_path / "part" / "aml-release.json"
    consume = functools.partial(test_consume.consume, step, receipt)
    refused(consume(*other), 83, "to no workspace", f"Name in `--workspace` {REGISTRY}, and in further lines")
    unready = consume("--workspace", REGISTRY, *other)
    refused(unready, 86, "The release isn't for this workspace", "`--command` connect and this workspace")
    assert step("--command", "connect", workspace=other[1]).written == [STORE]
    usable = consume("--workspace", REGISTRY, *other)
    assert (usable.status, usable.outputs["environment"]) == (0, shared), usable.output
    with world.store.edit("registries") as known:
        known[MODEL_REGISTRY]["environments"][name][version]["properties"]["isArchived"] = True
    archived = consume("--workspace", REGISTRY, *other)
    refused(archived, 84, f"{shared} is archived on registry {MODEL_REGISTRY}", "that workspace or registry in")


@pytest.mark.network
def test_each_package_of_a_commit_is_in_a_registry(step: Step, world: World, pushed: pathlib.Path) -> None:
    packages = (pushed / checkouts.BELOW, pushed / "packages" / "flock")
    given: dict[str, Any] = {"workspace": (WORKSPACE_LABEL, REGISTRY), "environment_per_package": "true"}
    made = checkouts.release(step, pushed, package_dir=packages, verify="none", **given)
    assert made.status == 0, made.output
    assert sorted(made.written) == [STORE, *[REGISTER] * 4]
    found = json.loads(made.outputs["environments"])
    assert [(each["package"], "registry" in each, each["changed"]) for each in found] == [
        ("acme-geese", False, True),
        ("acme-geese", True, True),
        ("acme-flock", False, True),
        ("acme-flock", True, True),
    ]
    held = world.store.read("registries")[MODEL_REGISTRY]["environments"]
    for each in found:
        receipt = json.loads(made.files[f"{each['package']}/aml-release.json"])
        (version,) = held[each["package"]]
        assert receipt["environment"]["version"] == version
        assert receipt["environments"][1]["reference"] in {one["reference"] for one in found}
    assert "needs the connection git-acme-churn (command connect)" in made.told
