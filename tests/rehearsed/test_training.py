"""The training templates, with the real SDKs: a job names exactly the version that was released, or isn't submitted."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import bootstrap
import pytest
import yaml
from rehearsal.proxy.world import World
from rehearsal.sign_in import entra
from rehearsal.state import names
from rehearsal.state.names import OTHER_WORKSPACE, WORKSPACE, workspace_id
from rehearsal.web import tokens
from rehearsed.steps import ROOT, WORKSPACE_LABEL, Result, Step

TEMPLATES = ROOT / "templates" / "training"
SCRIPTS = {version: TEMPLATES / f"submit_{version}.py" for version in ("v1", "v2")}
PLACE = ("--workspace", WORKSPACE_LABEL, "--compute", "cpu-cluster")
RELEASED = "azureml:acme-features:0.3.0-0123456789ab"

LOADED = """
import json, sys
from azure.ai.ml import MLClient, load_environment, load_job
from azure.identity import EnvironmentCredential
subscription, group, name, folder, job = sys.argv[1:]
client = MLClient(EnvironmentCredential(), subscription, group, name)
emitted = load_environment(f"{folder}/environment.yml")
registered = client.environments.get(emitted.name, emitted.version)
for each in (emitted, registered):
    print(json.dumps([each.name, each.version, each.image, each.conda_file, dict(each.tags)]))
job = load_job(job)
print(json.dumps([job.environment, job.compute, job.command]))
try:
    client.create_or_update(job)
except Exception as error:
    print(json.dumps(str(error)))
"""


@pytest.fixture(scope="session")
def sdks() -> dict[str, str]:
    """Return the Pythons with azureml-core and with azure-ai-ml: the templates' own locks, installed."""
    return {each: str(bootstrap.environment(TEMPLATES / f"requirements-{each}.txt")) for each in SCRIPTS}


@pytest.fixture
def released(step: Step, wheel: pathlib.Path) -> Result:
    """Return a release, by the real step."""
    result = step(wheel=wheel, verify="none")
    assert result.status == 0, result.output
    return result


def run(step: Step, *command: str | pathlib.Path, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a program in the local Azure, an empty folder its own; return its status, and what it printed."""
    inside = {key: value for key, value in step.environment().items() if not key.startswith("AMLWHEEL")}
    given = {key: value for key, value in {**inside, **(env or {})}.items() if value}
    folder = step.folder("training")
    done = subprocess.run(command, env=given, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout, done.stderr


def signed_in(step: Step) -> dict[str, str]:
    """Return the variables of a runner on which the Azure CLI is signed in, as a stand-in for `az` tells it."""
    claims = entra._claims(names.TENANT_ID, names.CLIENT_ID, entra.ARM_AUDIENCES[0])
    access = tokens.issue(claims, step.world.store.read("entra")["signing_key"])
    told = {"accessToken": access, "expires_on": claims["exp"], "tokenType": "Bearer", "tenant": names.TENANT_ID}
    folder = step.folder("bin")
    (folder / "token.json").write_text(json.dumps(told))
    (folder / "az").write_text(f"#!/bin/sh\ncat '{folder}/token.json'\n")
    (folder / "az").chmod(0o755)
    nothing = dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"), "")
    return {**nothing, "PATH": f"{folder}{os.pathsep}{step.environment()['PATH']}"}


def named(world: World, job: dict[str, Any]) -> str:
    """Return the environment that a submitted job names, as azureml:NAME:VERSION."""
    assert job in world.jobs(WORKSPACE)
    before, _, after = job["properties"]["environmentId"].partition("/environments/")
    assert before == workspace_id(WORKSPACE)
    return "azureml:" + ":".join(after.split("/versions/"))


# --- what is loaded and read


@pytest.mark.long
@pytest.mark.parametrize("sdk", ["v1", "v2"])
def test_azure_ai_ml_loads_the_files_and_reads_what_was_registered(
    step: Step, wheel: pathlib.Path, sdks: dict[str, str], sdk: str
) -> None:
    result = step(wheel=wheel, sdk=sdk, verify="none")
    assert result.status == 0, result.output
    script: list[str | pathlib.Path] = [
        sdks["v2"],
        "-B",
        "-c",
        LOADED,
        *WORKSPACE_LABEL.split("/"),
        result.folder,
        TEMPLATES / "job.yml",
    ]
    status, output, errors = run(step, *script)
    assert status == 0, errors
    emitted, registered, job, refusal = (json.loads(line) for line in output.splitlines())
    receipt = json.loads(result.files["aml-release.json"])["environment"]
    wanted = [receipt["name"], receipt["version"], receipt["image"], yaml.safe_load(result.files["conda.yml"])]
    assert emitted[:4] == registered[:4] == wanted
    assert emitted[4] == registered[4] or sdk == "v1"  # which knows no tags
    assert job == ["NAME:VERSION", "CLUSTER", "python -m PACKAGE.train"]
    assert "No environment exists for name: NAME, version: VERSION" in refusal  # job.yml as it comes
    assert step.world.jobs() == []


# --- what is submitted


@pytest.mark.long
def test_a_job_names_exactly_what_was_released(step: Step, released: Result, sdks: dict[str, str]) -> None:
    reference = released.outputs["environment"]
    receipt = released.folder / "aml-release.json"
    seen = len(step.world.requests())
    ways: list[tuple[str, list[str], dict[str, str]]] = [
        ("v2", [*PLACE, "--receipt", str(receipt)], {}),
        ("v2", ["--workspace", workspace_id(), "--command", "python -m acme.train"], signed_in(step)),
        ("v1", [*PLACE, "--environment", reference, "--receipt", str(receipt)], {}),
        ("v1", ["--workspace", workspace_id(), "--command", "python -m acme.train"], signed_in(step)),
    ]
    for number, (sdk, arguments, env) in enumerate(ways):
        more = {"ENVIRONMENT": reference, "COMPUTE": "cpu-cluster"} if env else {}
        status, output, errors = run(step, sdks[sdk], "-B", SCRIPTS[sdk], *arguments, env={**env, **more})
        assert status == 0, errors
        assert len(step.world.jobs()) == number + 1
        job = step.world.jobs()[-1]
        assert named(step.world, job) == reference
        assert job["properties"]["computeId"] == f"{workspace_id()}/computes/cpu-cluster"
        assert job["properties"]["command"] == f"python -m {'acme' if env else 'PACKAGE'}.train"
        submitted, studio = output.splitlines()
        assert submitted == f"Submitted {job['name']} on {reference}"
        assert studio.startswith(f"https://ml.azure.com/runs/{job['name']}?wsid=")
        assert names.CLIENT_SECRET not in output + errors
        assert "eyJ" not in output + errors  # no token
    assert not [line["url"] for line in step.world.requests()[seen:] if line.get("refused")]
    uploaded = [path.name for path in (step.world.azure / "blobs").rglob("*") if path.is_file()]
    assert uploaded == ["environment.txt"]  # the code is in the wheel


@pytest.mark.long
def test_a_job_on_any_workspace_has_its_environment_from_a_registry(
    step: Step, world: World, wheel: pathlib.Path, sdks: dict[str, str]
) -> None:
    released = step(wheel=wheel, verify="none", workspace=f"azureml://registries/{names.MODEL_REGISTRY}")
    assert released.status == 0, released.output
    reference, receipt = released.outputs["environment"], released.folder / "aml-release.json"
    for given in (("--receipt", receipt, "--environment", reference), ("--environment", reference)):
        status, output, errors = run(step, sdks["v2"], "-B", SCRIPTS["v2"], *PLACE, *given)
        assert status == 0, errors
        assert output.startswith(f"Submitted {world.jobs()[-1]['name']} on {reference}\n")
    assert {job["properties"]["environmentId"] for job in world.jobs()} == {reference}
    with world.store.edit("registries") as known:
        known[names.MODEL_REGISTRY]["environments"].clear()
    status, _, errors = run(step, sdks["v2"], "-B", SCRIPTS["v2"], *PLACE, *given)
    assert (status, len(world.jobs())) == (1, 2)
    assert "The job wasn't submitted" in errors


def test_the_receipt_of_a_dry_run_is_refused(step: Step, wheel: pathlib.Path, sdks: dict[str, str]) -> None:
    result = step("--dry-run", wheel=wheel)
    assert result.status == 0, result.output
    for sdk, script in SCRIPTS.items():
        receipt = result.folder / "aml-release.json"
        status, output, errors = run(step, sdks[sdk], "-B", script, *PLACE, "--receipt", receipt)
        assert (status, output) == (1, "")
        assert "is of a dry run: nothing was registered" in errors
    assert step.world.jobs() == []


# --- what is refused before anybody signs in: with the checks' own Python, which has neither SDK


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))
@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ("", "Got: nothing"),
        ("azureml:acme-features", "Got: azureml:acme-features"),
        ("azureml:acme-features@latest", "Name one version"),
        ("azureml:acme-features:latest", "Name one version"),
        ("azureml:acme-features:@latest", "Name one version"),
        ("azureml:acme-features:", "Name one version"),
        ("azureml:acme-features:1@latest", "Name one version"),
        ("azureml:acme-features:1 azureml:acme-features:2", "Name one version"),
        ("azureml:$(environment)", "Name one version"),
        ("azureml:NAME:VERSION", "Name one version"),
        ("azureml:acme-features/versions/1", "Name one version"),
        ("acme-features:1", "Name one version"),
    ],
)
def test_what_isnt_one_version_is_refused(script: pathlib.Path, environment: str, told: str) -> None:
    refused(script, told, *PLACE, "--environment", environment)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))
def test_a_receipt_has_to_fit(script: pathlib.Path, tmp_path: pathlib.Path) -> None:
    receipt = tmp_path / "aml-release.json"
    given = ("--receipt", str(receipt))
    refused(script, "is no receipt", *PLACE, *given)
    for wrong in ("[]", "{", '{"environment": {"reference": "azureml:a:1"}}', '{"environment": {"ids": [1]}}'):
        receipt.write_text(wrong)
        refused(script, "is no receipt", *PLACE, *given)
    ids = [f"{workspace_id(OTHER_WORKSPACE)}/environments/acme-features/versions/0.3.0-0123456789ab"]
    receipt.write_text(json.dumps({"environment": {"reference": RELEASED, "ids": ids}}))
    refused(script, "is of a release to other workspaces", *PLACE, *given)
    ids += [each.replace(OTHER_WORKSPACE, WORKSPACE) for each in ids]
    receipt.write_text(json.dumps({"environment": {"reference": RELEASED, "ids": ids}}))
    shared = "azureml://registries/acme-models/environments/acme-features/versions/0.3.0-0123456789ab"
    places = [{"registry": "acme-models", "reference": f"{shared}@latest"}]
    receipt.write_text(json.dumps({"environment": {"reference": shared, "ids": ids[:1]}, "environments": places}))
    says = {"v1": "azureml-core knows no registries", "v2": "is of a release to other workspaces.\n"}
    refused(script, says[script.stem[-2:]], *PLACE, *given)
    receipt.write_text(
        json.dumps(
            {"environment": {"reference": shared, "ids": []}, "environments": [{**places[0], "reference": shared}]}
        )
    )
    says["v2"] = f"Name the one in a registry: --environment {shared}\n"
    refused(script, says[script.stem[-2:]], *PLACE, *given)
    if script == SCRIPTS["v1"]:
        refused(script, "azureml-core knows no registries", *PLACE, "--environment", shared)
    receipt.write_text(json.dumps({"environment": {"reference": RELEASED, "ids": ids}}))
    other = RELEASED.replace("0.3.0", "0.3.1")
    refused(script, f"--environment is {other}", *PLACE, *given, "--environment", other)
    receipt.write_text(json.dumps({"environment": {"reference": RELEASED, "ids": ids}, "dry_run": True}))
    refused(script, "is of a dry run", *PLACE, *given)
    receipt.write_text(json.dumps({"environment": {"reference": "azureml:acme-features@latest", "ids": ids}}))
    refused(script, "Name one version", *PLACE, *given)
    receipt.write_text(json.dumps({"environment": {"reference": ["azureml:a:1"], "ids": ids}}))
    refused(script, "is no receipt", *PLACE, *given)
    receipt.write_text(json.dumps({"environment": {"reference": RELEASED, "ids": ids}, "environments": [1]}))
    if script == SCRIPTS["v2"]:
        refused(script, "is no receipt", *PLACE, *given)
    receipt.write_text("[" * 10**5)
    refused(script, "is no receipt", *PLACE, *given)
    # What it holds is foreign text, and CI hosts obey commands that they find in the log.
    hostile = "azureml:a:1\n::set-env name=X::y\n##vso[task.setvariable variable=X]y"
    receipt.write_text(json.dumps({"environment": {"reference": hostile, "ids": ids}}), "utf-8-sig")
    assert "set-env" not in refused(script, "Name one version", *PLACE, *given)
    assert "##vso" not in refused(script, f"--environment is {other}", *PLACE, *given, "--environment", other)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))
@pytest.mark.parametrize("place", [(), PLACE[:2], PLACE[2:], ("--workspace", "ws-train", *PLACE[2:])])
def test_workspace_and_compute_are_needed(script: pathlib.Path, place: tuple[str, ...]) -> None:
    refused(script, "are needed", *place, "--environment", RELEASED)


def refused(script: pathlib.Path, told: str, *arguments: str) -> str:
    """Assert that a script ends with this message (it gets no further than to its own checks), and return it all."""
    command: list[str | pathlib.Path] = [sys.executable, "-B", script, *arguments]
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr
