"""`sdk: v1`, `route: workspace` and `verify: image`, through the real azureml-core, against its services' stand-ins."""

import json
import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from amlwheel.workspace.azureml import process
from rehearsal.builder.build import build
from rehearsal.proxy.world import World
from rehearsal.state.names import (
    OTHER_WORKSPACE,
    OUTSIDER_CLIENT_ID,
    OUTSIDER_CLIENT_SECRET,
    READ_TOKEN,
    READER_CLIENT_ID,
    READER_CLIENT_SECRET,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
    workspace_id,
)
from rehearsed.steps import DEBUG, WORKSPACE_LABEL, Result, Step, refused, shown, write_wheel

STORAGE = r"\.blob\.core\.windows\.net$"
RELEASE = [("POST", "upload"), ("PUT", "connections"), ("PUT", "environments")]
STORE = [("POST", "artifacts"), ("PUT", "blob"), ("PUT", "environments")]
OTHER_LABEL = f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{OTHER_WORKSPACE}"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
"""What azureml-core runs on."""

READ_BACK = """
import json, os, sys
import requests
from azureml.core import Environment, Workspace
from azureml.core.authentication import TokenAuthentication
subscription, group, name, environment, version, folder = sys.argv[1:]
def token(audience):
    form = {"client_id": os.environ["AZURE_CLIENT_ID"], "client_secret": os.environ["AZURE_CLIENT_SECRET"]}
    form |= {"grant_type": "client_credentials", "scope": audience + "/.default"}
    place = f"https://login.microsoftonline.com/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    return requests.post(place, data=form).json()["access_token"]
auth = TokenAuthentication(token, cloud="AzureCloud")
workspace = Workspace.get(name, auth=auth, subscription_id=subscription, resource_group=group)
for found in (Environment.get(workspace, environment, version=version), Environment.load_from_directory(folder)):
    print(json.dumps([found.name, found.version, found.docker.base_image, found.environment_variables or {},
                      found.python.conda_dependencies.as_dict()]))
"""


def sdk_python(interpreter: str) -> str:
    """Return the python of azureml-core's environment for one interpreter; made if need be."""
    command = [interpreter, "-I", "-B", "-c", process.MAKE, process.ACTION]
    lock = process.ACTION / "locks" / "azureml.txt"
    done = subprocess.run([*map(str, command), str(lock)], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def find_python(version: str) -> str:
    """Return a Python of this minor version, empty when this machine has none; pyenv's are behind shims."""
    found = shutil.which(f"python{version}") or ""
    behind = pathlib.Path(found).parents[1].glob(f"versions/{version}.*/bin/python3") if found else ()
    check = f"import sys; sys.exit(sys.version_info[:2] != ({version.replace('.', ', ')}))"
    for each in filter(None, (found, *map(str, behind))):
        if subprocess.run([each, "-I", "-c", check], check=False, capture_output=True).returncode == 0:
            return each
    return ""


def read_back(step: Step, result: Result, python: str) -> list[Any]:
    """Return what azureml-core reads of the registered environment, and of the emitted files."""
    out, env = result.outputs, step.environment()
    named = [out["environment-name"], out["environment-version"], str(result.folder)]
    place = [SUBSCRIPTION_ID, RESOURCE_GROUP, WORKSPACE]
    command = [python, "-I", "-c", READ_BACK, *place, *named]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- sdk: v1


def test_both_sdks_register_the_same_and_keep_what_the_other_registered(step: Step, wheel: pathlib.Path) -> None:
    first = step(wheel=wheel, sdk="v1")
    assert first.status == 0, first.output
    assert first.written == RELEASE
    assert not [line["url"] for line in first.requests if line.get("refused")]
    (put,) = [line for line in first.writes if "/environments/" in line["url"]]
    sent = json.loads(put["body"])
    assert sent["python"]["condaDependencies"] == yaml.safe_load(first.files["conda.yml"])
    assert sent["EnvironmentVariables"] == {}
    assert "@sha256:" in sent["Docker"]["baseImage"]

    again = step(wheel=wheel, sdk="v1")
    assert again.status == 0, again.output
    assert again.written == [("PUT", "connections")]
    assert again.released == first.released
    assert "Image on ws-train: Azure tells it once the environment is registered" in first.told
    assert "Image on ws-train: isn't built yet: the first job that uses it builds it" in again.told

    other = step(wheel=wheel, sdk="v2")
    assert other.status == 0, other.output
    assert other.written == [("PUT", "connections")]  # v1 has no place for a fingerprint
    assert other.released == first.released
    assert {**other.outputs, "changed": "x"} == {**first.outputs, "changed": "x"}

    assert step(wheel=wheel, sdk="v1").writes == []  # now there is one


def test_v1_keeps_what_v2_registered(step: Step, wheel: pathlib.Path) -> None:
    first = step(wheel=wheel, sdk="v2")
    assert first.written == RELEASE
    assert step(wheel=wheel, sdk="v1").writes == []


def test_the_token_is_in_one_request_and_nowhere_else(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, sdk="v1", env={"GITHUB_ACTIONS": "true", **DEBUG})
    bodies = [
        line["url"] for line in result.requests if READ_TOKEN in json.dumps([line["body"], line["response_body"]])
    ]
    assert len(bodies) == 1
    assert "/connections/feed-acme?api-version=2020-01-01" in bodies[0]
    assert READ_TOKEN not in shown(result.output)
    assert all(READ_TOKEN.encode() not in content for content in result.files.values())


@pytest.mark.long
@pytest.mark.parametrize("version", PYTHONS)
def test_the_real_sdk_reads_what_either_sdk_registered(step: Step, wheel: pathlib.Path, version: str) -> None:
    interpreter = find_python(version)
    if not interpreter:
        pytest.skip(f"this machine has no Python {version}")
    python = sdk_python(interpreter)
    for sdk in ("v1", "v2"):
        result = step(wheel=wheel, sdk=sdk, environment_name=f"read-{sdk}")
        assert result.status == 0, result.output
        out, spec = result.outputs, yaml.safe_load(result.files["conda.yml"])
        image = yaml.safe_load(result.files["environment.yml"])["image"]
        expected = [out["environment-name"], out["environment-version"], image, {}, spec]
        assert read_back(step, result, python) == [expected, expected]


@pytest.mark.long
def test_a_changed_definition_under_the_same_version_is_never_taken_for_ours(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    first = step(wheel=wheel, sdk="v1")
    with world.store.edit("arm") as document:
        records = document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["environments"]
        (version,) = records["acme-features"].values()
        version["properties"]["image"] = "mcr.microsoft.com/azureml/other@sha256:" + "0" * 64
        version.pop("v1", None)
    again = step(wheel=wheel, sdk="v1", output_dir=step.scratch / "again")
    assert first.status == 0, first.output
    refused(again, 44, "is registered on ws-train with another definition")


# --- what stops it


def test_a_refused_api_version_is_told_before_anything_changes(step: Step, world: World, wheel: pathlib.Path) -> None:
    with world.store.edit("arm") as document:
        document["refused_api_versions"].append("2020-01-01")
    refused(step(wheel=wheel, sdk="v1"), 47, "Set `--sdk` to v2")
    assert step(wheel=wheel, sdk="v2").status == 0


def test_an_api_version_can_be_refused_as_not_found(step: Step, world: World, wheel: pathlib.Path) -> None:
    """Azure says so of retired versions (azure-sdk-for-js#15460)."""
    text = "The resource type could not be found in the namespace for api version '2020-01-01'."
    body = {"error": {"code": "InvalidResourceType", "message": text}}
    world.fail({"path": "/connections/.*2020-01-01", "status": 404, "body": body})
    refused(step(wheel=wheel, sdk="v1"), 47, "Set `--sdk` to v2")


@pytest.mark.parametrize(
    ("workspace", "told"),
    [
        (f"00000000-0000-4000-8000-000000000000/{RESOURCE_GROUP}/{WORKSPACE}", "There is no subscription 00000000-"),
        (f"{SUBSCRIPTION_ID}/rg-nowhere/{WORKSPACE}", "There is no resource group rg-nowhere"),
        (f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/ws-nowhere", "There is no workspace ws-nowhere"),
    ],
)
def test_each_wrong_part_of_a_workspace_is_named(step: Step, wheel: pathlib.Path, workspace: str, told: str) -> None:
    refused(step(wheel=wheel, sdk="v1", workspace=workspace), 42, told)


@pytest.mark.parametrize(
    ("client", "secret"),
    [(READER_CLIENT_ID, READER_CLIENT_SECRET), (OUTSIDER_CLIENT_ID, OUTSIDER_CLIENT_SECRET)],
)
@pytest.mark.parametrize("more", [{"sdk": "v1"}, {"route": "workspace"}])
def test_who_may_not_is_told_the_role(
    step: Step, wheel: pathlib.Path, client: str, secret: str, more: dict[str, Any]
) -> None:
    env = {"AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": secret}
    refused(step(wheel=wheel, env=env, **more), 41, "az role assignment create")


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        ({"environment_name": "AzureML-mine"}, 10, "begins with AzureML"),
        ({"environment_name": "no.dots"}, 10, "no dots"),
        ({"workspace": "azureml://registries/acme"}, 10, "azureml-core knows no registries"),
        ({"route": "workspace", "feed": "", "connection_name": "mine"}, 10, "Leave `--connection-name` out"),
        ({"route": "workspace", "feed": "", "index": "only"}, 10, "Leave `--index` out"),
    ],
)
def test_what_the_service_or_the_sdk_would_refuse_is_refused_first(
    step: Step, wheel: pathlib.Path, given: dict[str, Any], status: int, told: str
) -> None:
    result = step(wheel=wheel, sdk="v1", **given)
    refused(result, status, told)
    assert result.requests == []


def test_a_home_that_nobody_may_write_is_no_hindrance(step: Step, wheel: pathlib.Path) -> None:
    for home in ("/dev/null", "/proc/nobody"):
        result = step(wheel=wheel, sdk="v1", environment_name=home.rpartition("/")[2], env={"HOME": home})
        assert result.status == 0, result.output


# --- route: workspace


def test_a_wheel_goes_through_the_workspaces_own_storage(step: Step, world: World, wheel: pathlib.Path) -> None:
    tokens = {"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": "", **DEBUG}
    first = step(wheel=wheel, route="workspace", feed="", env=tokens)
    assert first.status == 0, first.output
    assert first.written == STORE
    assert not [line["url"] for line in first.requests if "pkgs.dev.azure.com" in line["url"]]
    assert first.outputs["index-url"] == first.outputs["connection"] == ""
    hashed, line = yaml.safe_load(first.files["conda.yml"])["dependencies"][-1]["pip"]
    assert hashed == "--require-hashes"
    assert re.fullmatch(
        rf"https://wstrain\d+\.blob\.core\.windows\.net/azureml/Environment/azureml-private-packages/{wheel.name}"
        rf" --hash=sha256:{first.outputs['wheel-sha256']}",
        line,
    )
    assert "sig=" not in first.output
    built = build(world, workspace_id(), first.outputs["environment-name"], first.outputs["environment-version"])
    assert built.ok, built.log
    assert built.installed == ("acme_features 0.3.0",)

    again = step(wheel=wheel, route="workspace", feed="", env=tokens)
    assert again.status == 0, again.output
    assert again.writes == []
    assert again.released == first.released
    by_the_sdk = step(wheel=wheel, route="workspace", feed="", sdk="v1", env=tokens)
    assert by_the_sdk.writes == []
    assert by_the_sdk.released == first.released
    read = rf"azureml-core, looking for the wheel on ws-train: GET https://\S+/{wheel.name}: 200, \d+ ms"
    assert re.search(f"^debug: {read}$", by_the_sdk.output, re.MULTILINE)
    assert "sig=" not in by_the_sdk.output


@pytest.mark.long
def test_several_wheels_go_into_several_workspaces_under_one_version(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    core = write_wheel(tmp_path / "wheels", "acme-core", "1.2")
    main = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core>=1"])
    result = step(wheel=(main, core), route="workspace", feed="", workspace=(WORKSPACE_LABEL, OTHER_LABEL), sdk="v1")
    assert result.status == 0, result.output
    assert len(result.writes) == 4 * 2 + 2
    specs = set()
    for workspace in (WORKSPACE, OTHER_WORKSPACE):
        assert world.blob(workspace, core.name).read_bytes() == core.read_bytes()
        out = result.outputs
        found = world.workspace(workspace)["environments"][out["environment-name"]][out["environment-version"]]
        specs.add(found["properties"]["condaFile"])
        built = build(world, workspace_id(workspace), out["environment-name"], out["environment-version"])
        assert built.installed == ("acme_core 1.2", "acme_features 0.3.0"), built.log
    assert len(specs) == 2
    assert step(wheel=(main, core), route="workspace", feed="", workspace=(WORKSPACE_LABEL, OTHER_LABEL)).writes == []


def test_a_feed_may_still_give_what_the_wheel_needs(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-core", "1.2"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core"])
    result = step(wheel=wheel, route="workspace")
    assert result.status == 0, result.output
    assert ("POST", "upload") not in result.written
    assert ("PUT", "connections") in result.written
    built = build(world, workspace_id(), result.outputs["environment-name"], result.outputs["environment-version"])
    assert built.installed == ("acme_core 1.2", "acme_features 0.3.0"), built.log


def test_a_dry_run_says_what_would_be_stored(step: Step, wheel: pathlib.Path) -> None:
    planned = step(wheel=wheel, route="workspace", feed="", dry_run="true")
    assert planned.status == 0, planned.output
    assert planned.writes == []
    files = planned.files
    done = step(wheel=wheel, route="workspace", feed="")
    assert {**done.outputs, "changed": ""} == {**planned.outputs, "changed": ""}
    assert done.files.keys() == files.keys()
    assert done.files["requirements.lock"] == files["requirements.lock"]
    assert b"https://not-stored-yet.invalid/acme_features-0.3.0" in files["conda.yml"]


def test_a_name_that_azureml_core_would_store_under_another_is_refused_first(
    step: Step, tmp_path: pathlib.Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "1!2.0")
    refused(step(wheel=wheel, route="workspace", feed=""), 24, "has an epoch in its version")


@pytest.mark.long
def test_a_wheel_that_comes_back_is_compared_with_what_is_registered(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    assert step(wheel=wheel, route="workspace", feed="").status == 0
    with world.store.edit("arm") as document:
        document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["artifacts"].clear()
    world.blob(WORKSPACE, wheel.name).unlink()
    again = step(wheel=wheel, route="workspace", feed="")
    assert again.status == 0, again.output
    assert "UPDATE  environment acme-features" in again.output
    assert world.blob(WORKSPACE, wheel.name).read_bytes() == wheel.read_bytes()
    assert step(wheel=wheel, route="workspace", feed="").writes == []


@pytest.mark.long
def test_a_stored_wheel_with_other_bytes_is_never_used(step: Step, tmp_path: pathlib.Path) -> None:
    old = write_wheel(tmp_path / "old", "acme-features", "0.3.1", text="old")
    assert step(wheel=old, route="workspace", feed="").status == 0
    new = write_wheel(tmp_path / "new", "acme-features", "0.3.1", text="new")
    refused(step(wheel=new, route="workspace", feed="", output_dir="second"), 54, "Bump the version")
    bumped = write_wheel(tmp_path / "new", "acme-features", "0.3.2", text="new")
    assert step(wheel=bumped, route="workspace", feed="").status == 0


@pytest.mark.long
@pytest.mark.parametrize("failure", [{"status": 403}, {"reset": True}])
def test_a_record_without_a_wheel_is_never_used(
    step: Step, world: World, wheel: pathlib.Path, tmp_path: pathlib.Path, failure: dict[str, object]
) -> None:
    world.fail({"host": STORAGE, "method": "PUT", **failure})
    first = step(wheel=wheel, route="workspace", feed="")
    assert first.status in (53, 55, 70), first.output
    assert ("PUT", "environments") not in first.written
    world.fail()
    refused(step(wheel=wheel, route="workspace", feed=""), 55, "has a record of acme_features", "bump the version")
    bumped = write_wheel(tmp_path / "wheels", "acme-features", "0.3.3")
    assert step(wheel=bumped, route="workspace", feed="").status == 0


@pytest.mark.long
def test_a_deleted_wheel_is_missed(step: Step, world: World, wheel: pathlib.Path) -> None:
    assert step(wheel=wheel, route="workspace", feed="").status == 0
    world.blob(WORKSPACE, wheel.name).unlink()
    refused(step(wheel=wheel, route="workspace", feed="", output_dir="second"), 55, "but no file")


def test_an_environment_with_an_address_that_is_no_longer_the_wheels_is_a_conflict(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    assert step(wheel=wheel, route="workspace", feed="").status == 0
    path = world.store.path("arm")
    path.write_text(re.sub(r"https://wstrain\d+\.blob", "https://elsewhere.blob", path.read_text("utf-8")), "utf-8")
    refused(step(wheel=wheel, route="workspace", feed="", output_dir="second"), 44, "with another definition")


def test_a_wheel_that_was_stored_although_the_service_said_no_is_kept(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    world.fail({"host": STORAGE, "method": "PUT", "status": 400, "after": True})
    result = step(wheel=wheel, route="workspace", feed="")
    assert result.status == 0, result.output
    assert world.blob(WORKSPACE, wheel.name).read_bytes() == wheel.read_bytes()


# --- verify: image


def test_a_log_that_the_runner_may_not_read_hides_no_result(step: Step, world: World, wheel: pathlib.Path) -> None:
    world.fail(
        {"host": STORAGE, "path": "ImageLogs", "status": 403}, {"path": "/contentinfo/ImageLogs/", "status": 404}
    )
    result = step(wheel=wheel, verify="image")
    assert result.status == 0, result.output
    assert "Build the image on ws-train · built" in result.output


@pytest.mark.parametrize(
    "more",
    [
        {"sdk": "v1"},
        pytest.param({"sdk": "v2"}, marks=pytest.mark.long),
        pytest.param({"route": "workspace", "feed": ""}, marks=pytest.mark.long),
    ],
)
def test_the_image_is_built_once_and_its_log_shown(step: Step, wheel: pathlib.Path, more: dict[str, Any]) -> None:
    first = step(wheel=wheel, verify="image", **more)
    assert first.status == 0, first.output
    assert re.search(r"^\| .*(Collecting|Processing) .*acme.features", first.output, re.MULTILINE)
    assert re.search(r"^ok +Build the image on ws-train · built", first.output, re.MULTILINE)
    again = step(wheel=wheel, verify="image", **more)
    assert "Build the image on ws-train · was built before" in again.output
    assert "Image on ws-train: exists already" in again.output
    assert [kind for _, kind in again.written] in ([], ["connections"])


def test_a_failed_image_build_quotes_the_failing_line_and_can_be_mended(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    assert step(wheel=wheel).status == 0
    world.fail({"host": r"^pkgs\.", "path": "/download/", "status": 404})
    with world.store.edit("arm") as document:  # its log is in the storage alone
        document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["log"] = "untold"
    failed = step(wheel=wheel, verify="image", output_dir="second", env={"GITHUB_ACTIONS": "true"})
    assert failed.status == 82, failed.output
    (annotation,) = [line for line in failed.output.splitlines() if line.startswith("::error title=amlwheel::AW82 ")]
    assert "ERROR: HTTP error 404 while getting" in annotation
    assert "sig=" not in failed.output
    assert [line["url"] for line in failed.requests if "/contentinfo/ImageLogs/" in line["url"]]
    assert failed.outputs == {}  # they went into GitHub's file
    assert (failed.folder / "aml-release.json").exists()  # it is released, whatever becomes of its image
    world.fail()
    mended = step(wheel=wheel, verify="image", output_dir="second")
    assert mended.status == 0, mended.output
