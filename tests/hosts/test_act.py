"""The workflows, run by act: the Action as a user calls it, from the tag's push to the job after."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from amlwheel.report.outputs import OUTPUTS
from amlwheel.transport import http
from hosts.conftest import Azure
from hosts.scenarios import (
    BAD_INPUTS,
    DRY_RUN,
    HOSTILE,
    HOSTILE_FAILURE,
    MISMATCH,
    OWN_TABLE,
    RELEASE,
    ROOT,
    SCENARIOS,
    SECRETS,
    SEVERAL,
    Scenario,
)
from rehearsal.state import names

pytestmark = pytest.mark.network
BIN = Path(sys.executable).parent
# What the local Azure and the machine's network need, besides what act's own process hands on.
HANDED = (
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "PIP_CONFIG_FILE",
    "AZURE_CONFIG_DIR",
)
SIGN_IN = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


@dataclass(frozen=True)
class Ended:
    """What a workflow left behind: its log, and the outputs as the workflow's own later steps saw them."""

    status: int
    log: str
    probe: Path

    def outputs(self, name: str = "outputs.json") -> dict[str, str]:
        """Return what a later step, or a later job, was given."""
        found: dict[str, str] = json.loads((self.probe / name).read_text("utf-8"))
        return found


@pytest.fixture
def act(repository: Path, azure: Azure, base: dict[str, str], act_home: Path, tmp_path: Path) -> "Act":
    path = os.pathsep.join([str(act_home / "bin"), base["PATH"]])
    return Act(repository, azure, base | {"XDG_CACHE_HOME": str(act_home), "PATH": path}, tmp_path)


@dataclass(frozen=True)
class Act:
    """Pushes a tag, so that act runs one workflow on this machine itself, without containers or network."""

    repository: Path
    azure: Azure
    env: Mapping[str, str]
    scratch: Path

    def push(self, scenario: Scenario) -> Ended:
        """Run a scenario's workflow, and check what holds for all of them."""
        probe = self.scratch / "probe"
        probe.mkdir()
        done = subprocess.run(
            [BIN / "act", "push", *self._options(scenario, probe)],
            cwd=self.repository,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout.decode("utf-8", "replace"), probe)
        check(scenario, ended)
        assert bool(self.azure.writes()) is scenario.writes
        return ended

    def _options(self, scenario: Scenario, probe: Path) -> list[str]:
        repository = {"full_name": "acme/demo", "default_branch": "main"}
        event = {"ref": f"refs/tags/{scenario.tag}", "ref_type": "tag", "repository": repository}
        event_file, secret_file = self.scratch / "event.json", self.scratch / "secrets"
        event_file.write_text(json.dumps(event))
        secret_file.write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
        variables = {name: self.env[name] for name in (*HANDED, *SIGN_IN)} | {"PROBE": str(probe)}
        return [
            *("--eventpath", str(event_file), "--secret-file", str(secret_file)),
            *("--workflows", f".github/workflows/{scenario.workflow.name}"),
            *("--platform", "ubuntu-latest=-self-hosted", "--no-cache-server"),
            *(part for name, value in variables.items() for part in ("--env", f"{name}={value}")),
        ]


def check(scenario: Scenario, ended: Ended) -> None:
    """Assert the scenario's end, its outputs, and that no token shows: act itself masks their plain form only."""
    assert (ended.status == 0) is (scenario.status == 0), ended.log[-3000:]
    outputs = ended.outputs()
    assert {name: outputs.get(name) for name in scenario.outputs} == scenario.outputs
    assert {name for name, value in outputs.items() if value} == (set() if scenario.status else set(OUTPUTS))
    assert all(f"::error title=amlwheel::{code} " in ended.log for code in scenario.codes)
    assert ended.log.count("::error title=amlwheel::") == len(scenario.codes)
    for token in (*SECRETS.values(), names.CLIENT_SECRET):
        for form in (token, f"{http.USER}:{token}", f":{token}"):
            assert form not in ended.log
            assert base64.b64encode(form.encode()).decode() not in ended.log
        assert not [path for path in ended.probe.iterdir() if token.encode() in path.read_bytes()]


def test_a_release(act: Act) -> None:
    ended = act.push(RELEASE)
    assert ended.outputs("needs.json") == ended.outputs()
    released = json.loads((ended.probe / "aml-release.json").read_text("utf-8"))
    assert released["environment"]["reference"] == ended.outputs()["environment"]
    assert released["source"]["tag"] == RELEASE.tag
    assert released["source"]["repository"] == "https://github.com/acme/demo"
    registered = act.azure.world.workspace()["environments"]
    assert ended.outputs()["environment-version"] in json.dumps(registered["acme-features"])
    assert f"## Released: `{ended.outputs()['environment']}`" in ended.log


@pytest.mark.parametrize(
    "scenario",
    [MISMATCH, BAD_INPUTS, DRY_RUN, SEVERAL, OWN_TABLE, HOSTILE, HOSTILE_FAILURE],
    ids=lambda scenario: scenario.name,
)
def test_workflow(act: Act, scenario: Scenario) -> None:
    ended = act.push(scenario)
    assert "EVIL" not in json.dumps(ended.outputs())
    # act shows a line of the step behind "| ", and the step one of the build behind another.
    assert ("| | ::set-output name=environment::azureml:EVIL:1" in ended.log) is ("hostile" in scenario.name)


def test_the_release_workflow_reads_every_output() -> None:
    jobs = yaml.safe_load(RELEASE.workflow.read_text("utf-8"))["jobs"]
    assert set(jobs["release"]["outputs"]) == set(OUTPUTS)
    (reading,) = (step for step in jobs["release"]["steps"] if step.get("name") == "Every output is set")
    assert {name.lower().replace("_", "-") for name in reading["env"]} == set(OUTPUTS)
    assert set(reading["env"]) <= set(reading["run"].replace(";", " ").split())


@pytest.mark.parametrize(
    "command",
    ["jactionlint", "zizmor --offline --no-progress --strict-collection"],
    ids=lambda command: command.split()[0],
)
def test_the_workflows_are_ones_to_copy(command: str) -> None:
    """The linters look into .github by themselves, and for these only when they are named."""
    files = [str(scenario.workflow.relative_to(ROOT)) for scenario in SCENARIOS]
    program, *options = command.split()
    done = subprocess.run([BIN / program, *options, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
