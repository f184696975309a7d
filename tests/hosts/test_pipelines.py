"""The templates for Azure Pipelines as a user copies them: a tag is released, trained on, and checked weekly."""

import datetime
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bootstrap
import pytest
from hosts import agent, pipeline
from hosts.conftest import Azure
from hosts.scenarios import ROOT
from hosts.test_github import FILLED_IN, TAG
from rehearsal.command import projects
from rehearsal.proxy.world import World
from rehearsal.sign_in import entra
from rehearsal.state import names
from rehearsal.web import tokens

pytestmark = pytest.mark.network
TEMPLATES = ROOT / "templates"
ARTIFACT = "aml-release"
RELEASED = {"Build.Reason": "IndividualCI", "Build.SourceBranch": f"refs/tags/{TAG}", "Build.BuildId": "41"}
STARTED = {
    "Build.Reason": "ResourceTrigger",
    "Build.SourceBranch": f"refs/tags/{TAG}",
    "Build.BuildId": "42",
    "resources.pipeline.release.sourceBranch": f"refs/tags/{TAG}",
    "resources.pipeline.release.runID": "41",
}
# `python` of UsePythonVersion@0. What the pipeline installs was put into another one beforehand, from the same lock.
PYTHON = """#!/bin/sh
case "$1 $2" in
  "-m pip") for last; do :; done; cmp "$last" '{lock}' && touch '{mark}' ;;
  training/*) [ -e '{mark}' ] && exec '{installed}' "$@" ;;
  *) exec python3 "$@" ;;
esac
"""


@dataclass(frozen=True)
class User:
    """A user's repository with the templates in it, and an organisation's agents to run them on."""

    repository: Path
    commit: str
    at: Path
    agent: agent.Job
    world: World

    def run(self, name: str, told: Mapping[str, str], **given: str) -> dict[str, tuple[bool, pipeline.Run]]:
        """Run every job of a pipeline on a fresh agent; return for each whether it passed, and its run."""
        text = (
            (TEMPLATES / "azure-pipelines" / f"{name}.yml")
            .read_text("utf-8")
            .replace("through: task", "through: script")
        )
        for blank, filled in FILLED_IN.items():
            text = text.replace(blank, filled)
        return {job: self._job(job, *parts, told) for job, parts in pipeline.jobs(text, given).items()}

    def _job(
        self, name: str, steps: pipeline.Steps, variables: Mapping[str, str], told: Mapping[str, str]
    ) -> tuple[bool, pipeline.Run]:
        number = len([*self.at.glob("w*")])
        expires = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=90)).date().isoformat()
        mark = self.at / f"installed{number}"
        (self.at / "python/python").write_text((self.at / "python.sh").read_text().replace("MARK", str(mark)))
        (self.at / "python/python").chmod(0o755)
        made = pipeline.Run(
            folder=self.at / f"w{number}-{name}",
            env=self.agent.env,
            variables={**self.agent.public(), "feedReadTokenExpires": expires, **variables, **told},
            secrets={"feedReadToken": names.READ_TOKEN, "System.AccessToken": names.JOB_TOKEN},
            repositories={"self": self.repository, "amlwheel": self.at / "amlwheel"},
            artifacts=self.at / "artifacts",
            az=self.at / "az",
            python=self.at / "python",
        )
        return made.job(steps), made


@pytest.fixture
def user(job: agent.Job, azure: Azure, tmp_path: Path) -> User:
    place = tmp_path / "user"
    shutil.copytree(ROOT / "tests/projects/acme-features", place)
    shutil.copytree(TEMPLATES / "training", place / "training")
    repository = projects.commit(place, tmp_path / "demo")
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", TAG)
    at = tmp_path / "at"
    for name in ("az", "python"):
        (at / name).mkdir(parents=True)
    shutil.copytree(ROOT / "action", at / "amlwheel/action", ignore=shutil.ignore_patterns("__pycache__"))
    lock = TEMPLATES / "training/requirements-v2.txt"
    shim = PYTHON.format(lock=lock, mark="MARK", installed=bootstrap.environment(lock))
    (at / "python.sh").write_text(shim)
    claims = entra._claims(names.TENANT_ID, names.CLIENT_ID, entra.ARM_AUDIENCES[0])
    token = tokens.issue(claims, azure.world.store.read("entra")["signing_key"])
    said = {"accessToken": token, "expires_on": claims["exp"], "tokenType": "Bearer", "tenant": names.TENANT_ID}
    (at / "az/token.json").write_text(json.dumps(said))
    (at / "az/az").write_text(f"#!/bin/sh\ncat '{at}/az/token.json'\n")
    (at / "az/az").chmod(0o755)
    return User(repository, commit, at, job, azure.world)


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Acme", "-c", "user.email=ml@acme.example", "-c", "commit.gpgsign=false"]
    program = shutil.which("git") or "git"
    return subprocess.run(
        [program, *who, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def change(world: World, image: str = "", expires: str = "") -> None:
    """Change the registered environment's image, or the stored token's last day, behind everybody's back."""
    arm = world.store.read("arm")
    held = arm[names.SUBSCRIPTION_ID][names.RESOURCE_GROUP][names.WORKSPACE]
    (versions,), (connection,) = (held[name].values() for name in ("environments", "connections"))
    (version,) = versions.values()
    if image:
        version["properties"]["image"] = image
    if expires:
        connection["properties"]["metadata"]["amlwheel-token-expires"] = expires
    world.store.write("arm", arm)


def planned(user: User, azure: Azure) -> None:
    """Run the release by hand, as a dry run: it says what is set up, plans, and leaves nothing behind."""
    by_hand = {"Build.Reason": "Manual", "Build.SourceBranch": "refs/heads/main", "Build.BuildId": "40"}
    run = passed(user.run("release", by_hand, dryRun="true"))
    assert "5 of 5 OK" in run.log.text
    assert "dry run" in run.log.text
    assert azure.writes() == []
    assert not run.artifacts.exists()
    assert not [each for each in run.log.executed if each.event == "addbuildtag"]


def codes(run: pipeline.Run) -> list[str]:
    return [code for kind, code, _ in run.log.issues if kind == "error"]


def passed(ran: Mapping[str, tuple[bool, pipeline.Run]]) -> pipeline.Run:
    """Assert that the pipeline's one job passed; return its run."""
    ((ok, run),) = ran.values()
    assert ok, run.log.text[-6000:]
    return run


def failed(ran: Mapping[str, tuple[bool, pipeline.Run]], name: str) -> pipeline.Run:
    ok, run = ran[name]
    assert not ok, run.log.text[-6000:]
    return run


def test_from_a_tag_to_a_training_job_and_the_check_after(user: User, azure: Azure) -> None:
    world = user.world
    planned(user, azure)
    run = passed(user.run("release", RELEASED))
    tags = [each.data for each in run.log.executed if (each.area, each.event) == ("build", "addbuildtag")]
    assert tags == [ARTIFACT]
    (user.at / "artifacts/current").rename(user.at / "artifacts/release")
    receipt: dict[str, Any] = json.loads((user.at / "artifacts/release" / ARTIFACT / "aml-release.json").read_text())
    assert receipt["source"]["tag"] == TAG
    assert receipt["run"]["url"].endswith("/_build/results?buildId=41")
    assert receipt["connection"]["token_expires"]

    run = passed(user.run("train", STARTED))
    (submitted,) = world.jobs(names.WORKSPACE)
    assert submitted["properties"]["environmentId"].lower() == receipt["environment"]["ids"][0].lower()
    assert f"Submitted {submitted['name']} on {receipt['environment']['reference']}" in run.log.text

    # By hand, only what was named.
    by_hand = {**STARTED, "Build.Reason": "Manual", "Build.SourceBranch": "refs/heads/main"}
    run = failed(user.run("train", by_hand), "train")
    assert "set releaseRun to 41." in run.log.issues[0][2]
    run = failed(user.run("train", {**STARTED, "resources.pipeline.release.sourceBranch": "refs/heads/main"}), "train")
    assert "is of refs/heads/main, not of a tag." in run.log.issues[0][2]
    assert len(world.jobs(names.WORKSPACE)) == 1
    passed(user.run("train", by_hand, releaseRun="41"))
    (_, again) = world.jobs(names.WORKSPACE)
    assert again["properties"]["environmentId"] == submitted["properties"]["environmentId"]

    # The branch has gone on, under the same version.
    (user.repository / "src/acme_features/more.py").write_text("MORE = 1\n")
    git(user.repository, "add", "--all")
    git(user.repository, "commit", "--quiet", "--message", "More")
    weekly = {"Build.Reason": "Schedule", "Build.SourceBranch": "refs/heads/main", "Build.BuildId": "43"}
    weekly |= {"resources.pipeline.release.sourceCommit": user.commit}
    weekly |= {"resources.pipeline.release.sourceBranch": f"refs/tags/{TAG}"}
    writes = len(azure.writes())
    ran = user.run("scheduled-check", weekly)
    assert all(ok for ok, _ in ran.values()), "\n".join(run.log.text[-3000:] for _, run in ran.values())
    assert "A release today would register" not in ran["dryRun"][1].log.text  # the same again

    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=20)).date().isoformat()
    change(world, expires=soon)
    assert codes(failed(user.run("scheduled-check", weekly), "receipt")) == ["AW87"]

    # What the alarm says to do: a new token, its date, and one run.
    passed(user.run("renew-token", {"Build.Reason": "Manual", "Build.SourceBranch": "refs/heads/main"}))
    (stored,) = azure.writes()[writes:]
    assert stored.startswith("PUT ")
    assert "/connections/" in stored
    assert all(ok for ok, _ in user.run("scheduled-check", weekly).values())
    writes += 1

    change(world, image="mcr.microsoft.com/azureml/other:1")
    run = failed(user.run("train", STARTED), "train")
    assert codes(run) == ["AW85"]
    assert run.ran[-1] == "Compare the receipt with the workspace"
    assert len(world.jobs(names.WORKSPACE)) == 2
    assert len(azure.writes()) == writes
