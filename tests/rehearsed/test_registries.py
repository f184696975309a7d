"""One workspace and one registry: the environment is shared by an organisation, the connection is the workspace's."""

import json
import pathlib
from typing import Any

from rehearsal.proxy.world import World
from rehearsal.state.names import MODEL_REGISTRY, READER_CLIENT_ID, READER_CLIENT_SECRET, SHARED_GROUP, WORKSPACE
from rehearsed.steps import WORKSPACE_LABEL, Step, refused

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
    # The advice, literally: the workspaces themselves, without the registry.
    assert step(wheel=wheel).status == 0
    world.fail()
    assert step(**given).written == [REGISTER]
    assert world.store.read("registries")[MODEL_REGISTRY]["group"] == SHARED_GROUP
