"""The steps template's way without the extension: a script step that runs bootstrap.py from a checked-out amlwheel."""

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from amlwheel.inputs.knob import camel
from amlwheel.report import outputs
from hosts import agent
from hosts.conftest import Azure
from hosts.scenarios import RELEASE, ROOT
from rehearsal.sign_in import entra
from rehearsal.state import names
from rehearsal.web import tokens
from vsix.pipelines import walk

pytestmark = pytest.mark.network


@dataclasses.dataclass(frozen=True)
class Script:
    """The template's script step, on an agent where AzureCLI@2 has signed in (as a stand-in for `az` tells it)."""

    job: agent.Job
    folder: Path

    def run(self, **parameters: str) -> tuple[int, agent.Log]:
        """Fill the template in as Azure Pipelines does, and run the step's script; return its status and log."""
        steps: dict[str, Any] = yaml.safe_load(
            (ROOT / "templates/azure-pipelines/release-steps.yml").read_text("utf-8")
        )
        known = {each["name"]: str(each.get("default", "")) for each in steps["parameters"]} | parameters
        (step,) = (each for each in walk(steps) if each.get("task") == "AzureCLI@2")
        variables = {
            **self.job.public(),
            **self.job.secrets,
            "Pipeline.Workspace": str(self.folder),
            "System.AccessToken": self.job.token,
        }

        def fill(text: str) -> str:
            text = re.sub(r"\$\{\{ parameters\.(\w+) \}\}", lambda m: known[m[1]], text)
            return re.sub(r"\$\(([\w.]+)\)", lambda m: variables.get(m[1], m[0]), text)

        names_of = {re.sub("[. ]", "_", name).upper(): value for name, value in variables.items()}
        del names_of["SYSTEM_ACCESSTOKEN"], names_of["READTOKEN"]
        env = {**self.job.env, **names_of, "TF_BUILD": "True"}
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-c", fill(step["inputs"]["inlineScript"])],
            cwd=fill(step["inputs"]["workingDirectory"]),
            env={**env, **{name: fill(value) for name, value in step["env"].items()}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        log = agent.Log()
        log.feed(done.stdout.decode())
        return done.returncode, log


@pytest.fixture
def script(job: agent.Job, azure: Azure, tmp_path: Path) -> Script:
    """Return the pipeline's workspace with both repositories checked out, and an `az` that is signed in."""
    folder = tmp_path / "w"
    shutil.copytree(job.sources, folder / "s")
    (folder / "amlwheel").mkdir()
    (folder / "amlwheel/action").symlink_to(ROOT / "action")
    known = azure.world.store.read("entra")
    claims = entra._claims(names.TENANT_ID, names.CLIENT_ID, entra.ARM_AUDIENCES[0])
    token = {"accessToken": tokens.issue(claims, known["signing_key"]), "expires_on": claims["exp"]}
    path = tmp_path / "bin"
    path.mkdir()
    (path / "token.json").write_text(json.dumps({**token, "tokenType": "Bearer", "tenant": names.TENANT_ID}))
    (path / "az").write_text(f"#!/bin/sh\ncat '{path}/token.json'\n")
    (path / "az").chmod(0o755)
    (path / "python").symlink_to(shutil.which("python3", path=job.env["PATH"]) or "")
    env = {**job.env, "PATH": f"{path}:{job.env['PATH']}"}
    told = {**job.variables, "Build.SourceBranch": f"refs/tags/{RELEASE.tag}", "Agent.TempDirectory": str(job.temp)}
    return Script(dataclasses.replace(job, env=env, variables=told), folder)


WANTED = {"feed": "acme/ml/wheels", "packageDir": "project/features", "connectionToken": "$(readToken)"}
PLACE = f"{names.SUBSCRIPTION_ID}/{names.RESOURCE_GROUP}/{names.WORKSPACE}"


def test_the_templates_script_does_the_same_without_the_extension(script: Script) -> None:
    status, log = script.run(**WANTED, workspace=PLACE)
    assert (status, log.result) == (0, ""), log.text
    assert {name: log.outputs[camel(name)] for name in RELEASE.outputs} == RELEASE.outputs
    assert set(log.outputs) == {camel(name) for name in outputs.OUTPUTS}
    assert log.summary


def test_the_templates_script_fails_by_its_status(script: Script) -> None:
    status, log = script.run(**WANTED, workspace="ws-train")
    assert (status, log.result) == (12, "")
    ((_, code, text),) = log.issues
    assert code == "AW12"
    assert "`--workspace`" in text
