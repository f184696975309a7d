"""The packed task, unzipped and run by the small agent: the scenarios of all hosts, with what has to come out."""

import base64
import dataclasses
import json
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from amlwheel.hosts import azure_pipelines
from amlwheel.inputs.knob import camel, knobs
from amlwheel.inputs.step import Inputs
from amlwheel.report import outputs
from hosts import agent, runner
from hosts.conftest import Azure, empty, tag_push
from hosts.scenarios import (
    BAD_INPUTS,
    DRY_RUN,
    HOSTILE,
    HOSTILE_FAILURE,
    MISMATCH,
    OWN_TABLE,
    RELEASE,
    ROOT,
    SECRETS,
    SEVERAL,
    Scenario,
)
from hosts.test_runner_door import FOLDED, changing, forms, html_in, untimed
from rehearsal.state import names
from vsix import node, pack

pytestmark = pytest.mark.network
FOREVER = {"setsecret", "logissue", "setvariable", "uploadsummary", "complete", "debug"}


def run(job: agent.Job, scenario: Scenario, major: int = 24, given: Mapping[str, str] | None = None) -> agent.Result:
    """Run a scenario as a user of Azure Pipelines writes it, and check what holds for every run."""
    told = {**job.variables, "Build.SourceBranch": f"refs/tags/{scenario.tag}"}
    wanted = {camel(name): value for name, value in scenario.inputs.items() if name != "feed-token"}
    wanted = {name: "$(readToken)" if value == names.READ_TOKEN else value for name, value in wanted.items()}
    wanted |= {"azureSubscription": "ml-production", **(given or {})}
    result = agent.run(dataclasses.replace(job, variables=told), node.node(major), wanted)
    check(scenario, result)
    return result


def check(scenario: Scenario, result: agent.Result) -> None:
    """Assert what holds for every run, however it ends."""
    log = result.log
    assert (result.result, result.status) == ("Failed" if scenario.status else "Succeeded", 0), log.text[-4000:]
    assert [code for code, _ in result.errors] == list(scenario.codes), log.text[-4000:]
    assert {command.event for command in log.executed} <= FOREVER
    assert [command.event for command in log.executed].count("complete") == 1
    assert result.raw.rstrip().split("\n")[-1].startswith("##vso[task.complete ")
    assert set(log.outputs) == (set() if scenario.status else {camel(name) for name in outputs.OUTPUTS})
    assert {name: log.outputs[camel(name)] for name in scenario.outputs} == scenario.outputs
    scenario.check_page(log.summary, [text for _, text in result.errors], log.text)
    marks = re.findall(r"^##\[(group|endgroup)\]", log.text, re.MULTILINE)
    assert marks == ["group", "endgroup"] * (len(marks) // 2)
    assert_no_token(result, (names.JOB_TOKEN, names.READ_TOKEN, names.CLIENT_SECRET))


def assert_no_token(result: agent.Result, tokens: tuple[str, ...]) -> None:
    """Assert that no token shows, even to one who reads the log without the agent's masks."""
    raw = "\n".join(line for line in result.raw.splitlines() if not line.startswith("##vso[task.setsecret]"))
    shown = [form for token in tokens for form in forms(token) if form in raw + result.log.summary]
    assert shown == []


def files(folder: Path) -> dict[str, bytes]:
    """Return every emitted file."""
    place = folder / "aml-environment"
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_release_is_the_same_as_githubs(job: agent.Job, azure: Azure, base: dict[str, str], tmp_path: Path) -> None:
    workspace = tmp_path / "github"
    shutil.copytree(job.sources, workspace)
    place = runner.Place(workspace, workspace, job.temp, base | tag_push(RELEASE))
    github = runner.run(place, RELEASE.inputs, tuple(SECRETS.values()))
    assert github.status == 0
    empty(azure.world)
    azured = run(job, RELEASE, 20)
    assert azured.log.outputs == {camel(name): value for name, value in github.outputs.items()}
    assert files(job.sources) == files(workspace)
    shared = azure_pipelines._DIAGRAM.sub("", github.summary)  # which that host doesn't draw
    assert untimed(azured.log.summary) == untimed(shared)
    assert html_in(azured.log.summary) == FOLDED * 2
    masked = {each.data for each in azured.log.executed if each.event == "setsecret"}
    assert {names.JOB_TOKEN, base64.b64encode(f"amlwheel:{names.JOB_TOKEN}".encode()).decode()} <= masked
    assert [each for each in masked if each.startswith("eyJ") and each.count(".") == 2], "Entra's token"
    debugging = dataclasses.replace(job, variables={**job.variables, "System.Debug": "True"})
    again = run(debugging, dataclasses.replace(RELEASE, outputs={**RELEASE.outputs, "changed": "false"}), 24)
    told = [each.data for each in again.log.executed if each.event == "debug"]
    assert any(re.match(r"GET https://management\.azure\.com/\S+: 200, \d+ ms$", each) for each in told)
    assert "debug" not in {each.event for each in azured.log.executed}
    assert changing(again.log.outputs) == azured.log.outputs


@pytest.mark.parametrize(
    ("scenario", "major"),
    [(DRY_RUN, 20), (SEVERAL, 24), (MISMATCH, 20), (OWN_TABLE, 24), (HOSTILE, 24), (HOSTILE_FAILURE, 20)],
)
def test_every_scenario_of_the_other_host(job: agent.Job, azure: Azure, scenario: Scenario, major: int) -> None:
    result = run(job, scenario, major)
    assert bool(azure.writes()) is scenario.writes
    if scenario is OWN_TABLE:  # what the host fills in doesn't win over it
        assert (
            "by default: environmentPerPackage, baseImage, lock, excludeNewer, audit, route, mirror, sdk, verify"
            in result.raw
        )
        assert "Python 3.12." in result.log.summary
    shown = re.sub(r"<pre>\n[^<]*</pre>", "", result.log.summary)  # the tool's last lines stand there, escaped
    assert "EVIL" not in shown + str(result.log.outputs)
    if "hostile" in scenario.name:
        shouted = [line for line in re.split(r"\r\n|\r|\n", result.raw) if "EVIL" in line]
        assert len(shouted) > 100
        assert [line for line in shouted if not line.startswith("| ")] == []
        assert "\x1b" not in result.raw
        seen = re.findall(r"^\| BEGIN ENVIRONMENT\n(.*?)^\| END ENVIRONMENT", result.raw, re.DOTALL | re.MULTILINE)
        variables = {line[2:].partition("=")[0] for block in seen for line in block.splitlines()}
        assert "PATH" in variables
        told = "TEAMPROJECT|COLLECTIONURI|PULLREQUEST"  # what versions are made from
        assert not [
            each for each in variables if re.match(f"ENDPOINT|SECRET|INPUT|SYSTEM_(?!{told})|VSTS|AGENT|.*TOKEN", each)
        ]


def test_a_failure_names_code_and_fix_in_one_issue(job: agent.Job) -> None:
    ((code, text),) = run(job, MISMATCH, 24).errors
    title, what, cause, fix, more = text.split("\n")
    assert (code, title) == ("AW23", "amlwheel AW23 tag and version differ")
    assert what.startswith("The tag is 'v0.4.0', but acme-flit has version 0.1.0;")
    assert cause.startswith("Likely cause: ")
    assert fix.startswith("What to do: ")
    assert more.endswith("/docs/errors.md#aw23")


def test_every_bad_input_at_once_by_the_names_of_this_host(job: agent.Job) -> None:
    result = run(job, BAD_INPUTS, 24)
    named = [re.findall(r"^(?:- )?`([^`]*)`", text, re.MULTILINE) for _, text in result.errors]
    assert named == [["workspace"], ["pythonVersion", "index", "verify"], ["connectionToken"]]
    messages = " ".join(text for _, text in result.errors)
    assert set(re.findall(r"`([^`]*)`", messages)) <= {each.camel for each in knobs(Inputs, "azure")}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"feed": "$(feedName)"}, "`feed` is the literal text of a variable that was never set: $(feedName)."),
        (
            {"packageDir": "$(dir)/flit"},
            "`packageDir` holds the literal text of a variable that was never set: $(dir).",
        ),
        (
            {"connectionToken": "$(noSuchSecret)"},
            "`connectionToken` is the literal text of a variable that was never set.",
        ),
    ],
)
def test_a_variable_that_was_never_set_is_refused_by_name(job: agent.Job, given: dict[str, str], named: str) -> None:
    scenario = dataclasses.replace(DRY_RUN, status=10, codes=("AW10",), outputs={})
    ((_, text),) = run(job, scenario, 24, given).errors
    assert text.split("\n")[1] == named


def test_the_build_identity_needs_a_role(job: agent.Job, azure: Azure) -> None:
    with azure.world.store.edit("entra") as entra:
        entra["personal_access_tokens"][names.JOB_TOKEN]["role"] = "Collaborator"  # as by default
    scenario = dataclasses.replace(RELEASE, status=33, codes=("AW33",), outputs={})
    ((_, text),) = run(job, scenario, 24).errors
    assert "add 'ml Build Service (acme)' (or 'Project Collection Build Service (acme)', if" in text
    assert "as Feed Publisher (Contributor)" in text


def test_the_archive_is_small_and_holds_no_cache_and_no_test(packed: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        held = archive.namelist()
    assert packed.stat().st_size < 5 * 1024 * 1024
    assert not [each for each in held if re.search(r"__pycache__|test|\.pyc|\.git|node_modules", each)]
    extra = {"LICENSE", "icon.png", "overview.md", "privacy.md", "[Content_Types].xml"}
    manifests = {"extension.vsixmanifest", "extension.vsomanifest"}
    assert {each for each in held if not each.startswith("AmlWheel/")} == extra | manifests
    assert json.loads(zipfile.ZipFile(packed).read("AmlWheel/task.json"))["name"] == "AmlWheel"


SLOW = """
import os, subprocess, sys, time
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    print("pids", os.getpid(), child.pid, flush=True)
    time.sleep(120)
"""


def test_cancelling_in_the_middle_ends_every_child(job: agent.Job, azure: Azure) -> None:
    project = job.sources / "slow"
    project.mkdir()
    (project / "backend.py").write_text(SLOW)
    system = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (project / "pyproject.toml").write_text(f"[build-system]\n{system}")
    given = {camel(name): value for name, value in RELEASE.inputs.items() if name != "feed-token"}
    given |= {"azureSubscription": "ml-production", "packageDir": "slow"}
    began = time.monotonic()
    result = agent.run(job, node.node(24), given, cancel=lambda raw: "| pids " in raw)
    assert (result.result, result.status) == ("Canceled", 0)
    assert time.monotonic() - began < 60, "nobody waited for the build"
    assert "cancelled; run the step again to continue where it stopped" in result.log.text
    assert result.raw.rstrip().endswith("##vso[task.complete result=Failed;]cancelled")
    pids = [int(word) for word in re.findall(r"\| pids (\d+) (\d+)", result.raw)[0]]
    assert not [pid for pid in pids if agent.alive(pid)]
    assert azure.writes() == []


def test_packing_again_gives_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    place = tmp_path / "copy"
    for name in ("action", "extension", "tests/schemas"):
        for path in sorted((ROOT / name).rglob("*"), reverse=True):  # another order on the disk, other times
            if path.is_file() and "__pycache__" not in path.parts:
                (place / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place / path.relative_to(ROOT))
    for name in ("azure-pipelines-task.json", "LICENSE"):
        shutil.copyfile(ROOT / name, place / name)
    assert pack.pack(place, tmp_path).read_bytes() == packed.read_bytes()


def test_npm_refuses_a_package_whose_hash_differs(tmp_path: Path) -> None:
    """Our hashes are checked: a lock of names alone would let anything in."""
    (pin,) = (line for line in node.TFX.read_text("utf-8").splitlines() if line.startswith("isarray "))
    place, version, digest = pin.split()
    node.install(pin, tmp_path)
    assert (tmp_path / "node_modules/isarray/package.json").exists()
    shutil.rmtree(tmp_path / "node_modules")
    wrong = digest[:-12] + ("A" * 10) + "=="
    with pytest.raises(subprocess.CalledProcessError):
        node.install(f"{place} {version} {wrong}", tmp_path)
    assert not (tmp_path / "node_modules/isarray/package.json").exists()
