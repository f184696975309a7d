"""The templates for GitHub as a user copies them, run by act: a tag is pushed, released, and trained on."""

import base64
import datetime
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import bootstrap
import pytest
from hosts.conftest import Azure, empty
from hosts.scenarios import ROOT
from hosts.test_act import BIN, HANDED
from rehearsal.command import projects
from rehearsal.proxy.world import World
from rehearsal.sign_in import entra, github
from rehearsal.state import names
from rehearsal.web import tokens

pytestmark = pytest.mark.network
TEMPLATES = ROOT / "templates"
TAG = "v0.3.0"  # of acme-features
FILLED_IN = {
    "ORGANISATION/PROJECT/FEED": "acme/ml/wheels",
    "SUBSCRIPTION-ID/RESOURCE-GROUP/WORKSPACE": f"{names.SUBSCRIPTION_ID}/{names.RESOURCE_GROUP}/{names.WORKSPACE}",
    "CLUSTER": "cpu-cluster",
}
# What act can't run or fetch here, each doing the essential thing on this machine. $AT is the test's own folder.
STUBS = {
    "actions/upload-artifact": 'mkdir -p "$AT/artifacts" && cp -R "$PATH_" "$AT/artifacts/$NAME"',
    "actions/download-artifact": 'cp -R "$AT/artifacts/$NAME" "$PATH_"',
    "actions/attest": '(echo "$SUBJECT_CHECKSUMS"; ls $SBOM_PATH) >> "$AT/attested"',
    "actions/setup-python": 'echo "$AT/python" >> "$GITHUB_PATH"',
    "azure/login": 'echo "$AT/login" >> "$GITHUB_PATH"',
}
STUB = """
name: stub
description: {name}
inputs: {{name: {{default: ""}}, path: {{default: ""}}, subject-checksums: {{default: ""}}, sbom-path: {{default: ""}},
  client-id: {{default: ""}}}}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        NAME: ${{{{ inputs.name }}}}
        PATH_: ${{{{ inputs.path }}}}
        SUBJECT_CHECKSUMS: ${{{{ inputs.subject-checksums }}}}
        SBOM_PATH: ${{{{ inputs.sbom-path }}}}
      run: {run}
"""
# After setup-python, `python` is one that has what the lock says, put there beforehand from the same file.
PYTHON = """#!/bin/sh
if [ "$1 $2" = "-m pip" ]; then
  for last; do :; done
  exec cmp "$last" '{lock}'
fi
exec '{python}' "$@"
"""
# After azure/login, `az` gives tokens of the application that signed in with the job's own.
AZ = """#!{python}
import json, os, ssl, sys, time, urllib.parse, urllib.request
context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
def ask(url, form=None, **headers):
    data = urllib.parse.urlencode(form).encode() if form else None
    return json.load(urllib.request.urlopen(urllib.request.Request(url, data, headers), context=context))
asking = "bearer " + os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
url = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=api%3A%2F%2FAzureADTokenExchange"
wanted = sys.argv[sys.argv.index("--resource") + 1] + "/.default" if "--resource" in sys.argv else sys.argv[-1]
said = ask("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token", dict(
    grant_type="client_credentials", client_id="{client}", scope=wanted,
    client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion=ask(url, Authorization=asking)["value"]))
print(json.dumps(dict(accessToken=said["access_token"], expires_on=int(time.time()) + 3000, tokenType="Bearer")))
"""
GH = """#!/bin/sh
case "$2" in
*/commits/tags/v1.4.0) echo 0000000000000000000000000000000000000000 ;;
*/commits/tags/*) echo 1111111111111111111111111111111111111111 ;;
*) printf '%s 0000000000000000000000000000000000000000 %s\n' 9 v1.5.0 1 v1.4.0 ;;
esac
"""


@dataclass(frozen=True)
class User:
    """A user's repository with the templates in it, ready to run them."""

    repository: Path
    at: Path
    world: World
    env: Mapping[str, str]

    def run(self, event: str, workflow: str, **variables: str) -> tuple[int, str]:
        """Run a workflow by act, with these `variables` of the repository too; return its status and its log."""
        (self.at / "event.json").write_text(
            json.dumps(
                {
                    "ref": f"refs/tags/{TAG}" if event == "push" else "refs/heads/main",
                    "repository": {"full_name": "acme/demo", "default_branch": "main", "private": False},
                }
            )
        )
        (self.at / "secrets").write_text(f"FEED_READ_TOKEN={names.READ_TOKEN}\nGITHUB_TOKEN=fake-github-token\n")
        given = {name: self.env[name] for name in HANDED if name in self.env}
        given |= {"AT": str(self.at), **github.request_environment(self.world.store)}
        known = {"AZURE_CLIENT_ID": names.CLIENT_ID, "AZURE_TENANT_ID": names.TENANT_ID, **variables}
        command = [
            *(str(BIN / "act"), event, "--eventpath", str(self.at / "event.json")),
            *("--secret-file", str(self.at / "secrets"), "--workflows", f".github/workflows/{workflow}"),
            *("--platform", "ubuntu-24.04=-self-hosted", "--no-cache-server"),
            *(part for name, value in given.items() for part in ("--env", f"{name}={value}")),
            *(part for name, value in known.items() for part in ("--var", f"{name}={value}")),
            *(part for each in self._stubs() for part in ("--local-repository", each)),
        ]
        done = subprocess.run(
            command,
            cwd=self.repository,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def _stubs(self) -> Iterator[str]:
        used = "".join(path.read_text("utf-8") for path in (TEMPLATES / "github").glob("*.yml"))
        own = re.search(r"uses: ([\w-]+/amlwheel@\w+)", used)
        assert own
        yield f"{own[1]}={self.at / 'amlwheel'}"
        for name in (*STUBS, "actions/checkout"):
            reference = used.partition(f"{name}@")[2].split()[0]
            yield f"{name}@{reference}={self.at / 'stubs' / name}"


@pytest.fixture(scope="module")
def user(base: dict[str, str], _azure: World, tmp_path_factory: pytest.TempPathFactory, act_home: Path) -> User:
    place, at = tmp_path_factory.mktemp("user"), tmp_path_factory.mktemp("at")
    shutil.copytree(ROOT / "tests/projects/acme-features", place, dirs_exist_ok=True)
    (place / ".github/workflows").mkdir(parents=True)
    for path in (TEMPLATES / "github").glob("*.yml"):
        text = path.read_text("utf-8")
        for blank, filled in FILLED_IN.items():
            text = text.replace(blank, filled)
        (place / ".github/workflows" / path.name).write_text(text)
    shutil.copytree(TEMPLATES / "training", place / "training")
    repository = projects.commit(place, tmp_path_factory.mktemp("users") / "demo")
    shutil.copytree(ROOT / "action", at / "amlwheel/action", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "action.yml", at / "amlwheel/action.yml")
    for name, run in {**STUBS, "actions/checkout": f"cp -R '{repository}/.' ."}.items():
        (at / "stubs" / name).mkdir(parents=True)
        (at / "stubs" / name / "action.yml").write_text(STUB.format(name=name, run=json.dumps(run)))
    lock = TEMPLATES / "training/requirements-v2.txt"
    python = str(bootstrap.environment(lock))
    programs = {
        "python/python": PYTHON.format(lock=lock, python=python),
        "login/az": AZ.format(python=python, tenant=names.TENANT_ID, client=names.CLIENT_ID),
        "bin/gh": GH,
    }
    for name, content in programs.items():
        (at / name).parent.mkdir()
        (at / name).write_text(content)
        (at / name).chmod(0o755)
    search = os.pathsep.join([str(act_home / "bin"), str(at / "bin"), base["PATH"]])
    plain = {name: value for name, value in base.items() if not name.startswith("AZURE_") or name == "AZURE_CONFIG_DIR"}
    return User(repository, at, _azure, {**plain, "XDG_CACHE_HOME": str(act_home), "PATH": search})


def renew(user: User, azure: Azure, writes: int) -> None:
    """Do what the alarm says: a new secret, its date, and one run. Then the check is green again."""
    status, log = user.run("workflow_dispatch", "renew-token.yml", FEED_READ_TOKEN_EXPIRES="2999-01-01")
    assert status == 0, log[-6000:]
    (stored,) = azure.writes()[writes:]
    assert stored.startswith("PUT ")
    assert "/connections/" in stored
    status, log = user.run("schedule", "scheduled-check.yml")
    assert status == 0, log[-6000:]
    assert len(azure.writes()) == writes + 1
    empty(user.world)


def planned(user: User, azure: Azure) -> None:
    """Run the release by hand: it says what is set up, plans, and leaves nothing behind."""
    status, log = user.run("workflow_dispatch", "release.yml")
    assert status == 0, log[-6000:]
    assert "5 of 5 OK" in log
    assert "dry run" in log
    assert log.index("repo:acme/demo:environment:release-check") < log.index("5 of 5 OK")
    assert azure.writes() == []
    assert not (user.at / "artifacts").exists()
    assert not (user.at / "attested").exists()


def test_from_a_tag_to_a_training_job_and_the_check_after(user: User, azure: Azure) -> None:  # noqa: PLR0915  # a story
    planned(user, azure)
    world, before = user.world, len(user.world.requests())
    status, log = user.run("push", "release.yml")
    assert status == 0, log[-6000:]
    requests = world.requests()[before:]

    receipt = json.loads((user.at / "artifacts/aml-release/aml-release.json").read_text())
    assert receipt["source"]["tag"] == TAG
    assert re.fullmatch(r"https://github.com/[\w/-]+/actions/runs/\d+", receipt["run"]["url"])
    (job,) = world.jobs(names.WORKSPACE)
    released = receipt["environment"]["ids"][0]
    assert job["properties"]["environmentId"].lower().endswith(released.lower().partition("/providers/")[2])

    package = receipt["packages"][0]
    both = [f"{package['sha256']}  {package['wheel']}", f"{receipt['sbom']['sha256']}  sbom.cdx.json"]
    attested = [each for each in (user.at / "attested").read_text().splitlines() if "  " in each]
    assert sorted(attested) == sorted([*both, both[0]])

    uploads = [line for line in requests if line["method"] == "POST" and "/upload/" in line["url"]]
    assert len(uploads) == 1
    basic = uploads[0]["request_headers"]["authorization"].removeprefix("Basic ")
    password = base64.b64decode(basic).decode().partition(":")[2]
    assert (tokens.claims(password) or {})["aud"] == entra.DEVOPS_AUDIENCE
    forms = [parse_qs(line["body"]) for line in requests if line["url"].endswith("/oauth2/v2.0/token")]
    assert {form["scope"][0] for form in forms} == {
        f"{entra.DEVOPS_AUDIENCE}/.default",
        "https://management.azure.com/.default",
    }
    for form in forms:
        assert "client_secret" not in form
        assert (tokens.claims(form["client_assertion"][0]) or {})["aud"] == "api://AzureADTokenExchange"
    assert names.READ_TOKEN not in log

    # Built anew the wheel has other bytes: most backends write their own version into it.
    (module,) = user.repository.glob("src/*/__init__.py")
    module.write_text(module.read_text() + "# As a newer backend would have it.\n")
    writes = len(azure.writes())
    status, log = user.run("schedule", "scheduled-check.yml")
    assert status == 0, log[-6000:]

    arm = json.dumps(world.store.read("arm"))
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=20)).date().isoformat()
    changed = json.loads(arm)
    held = changed[names.SUBSCRIPTION_ID][names.RESOURCE_GROUP][names.WORKSPACE]
    (stored,) = held["connections"].values()
    stored["properties"]["metadata"]["amlwheel-token-expires"] = soon
    (versions,) = held["environments"].values()
    (version,) = versions.values()
    version["properties"]["image"] = "mcr.microsoft.com/azureml/other:1"
    world.store.write("arm", changed)
    status, log = user.run("schedule", "scheduled-check.yml")
    assert status != 0
    assert "::error title=amlwheel::AW85 " in log
    version["properties"]["image"] = receipt["environment"]["image"]
    world.store.write("arm", changed)
    status, log = user.run("schedule", "scheduled-check.yml")
    assert status != 0
    assert "::error title=amlwheel::AW87 " in log
    assert "renew-token.yml" in log
    assert len(azure.writes()) == writes

    renew(user, azure, writes)
