"""What the pages print is run as it is printed: GitHub's workflows by the small runner, with the capitals filled in."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hosts import runner
from hosts.conftest import Azure
from rehearsal.command import projects
from rehearsal.sign_in import github
from rehearsal.state import names
from unit.parts import ROOT

pytestmark = pytest.mark.network
CAPITALS = {
    "ORGANISATION/PROJECT/FEED": "acme/ml/wheels",
    "SUBSCRIPTION-ID/RESOURCE-GROUP/WORKSPACE": f"{names.SUBSCRIPTION_ID}/{names.RESOURCE_GROUP}/{names.WORKSPACE}",
}
CONTEXT: Mapping[str, Mapping[str, str]] = {
    "vars": {"AZURE_CLIENT_ID": names.CLIENT_ID, "AZURE_TENANT_ID": names.TENANT_ID},
    "secrets": {"FEED_READ_TOKEN": names.READ_TOKEN},
}


def printed(page: str) -> list[tuple[dict[str, Any], str]]:
    """Return the job of each workflow in a page, and the project's table that the page shows, capitals filled in."""
    text = (ROOT / page).read_text("utf-8")
    for capitals, name in CAPITALS.items():
        text = text.replace(capitals, name)
    table = "".join(re.findall(r"(?ms)^```toml\n(\[tool\.amlwheel\].*?)^```$", text))
    found = [yaml.safe_load(each) for each in re.findall(r"(?ms)^```yaml\n(name: release\n.*?)^```$", text)]
    return [(each["jobs"]["release"], table) for each in found]


WORKFLOWS = {
    f"{page}-{number}": each
    for page in ("README.md", "docs/from-the-article.md")
    for number, each in enumerate(printed(page))
}


def checkout(table: str, place: Path) -> None:
    """Make the checkout of a user's repository: a small project, with the table of the page."""
    source = place.with_name("source")
    shutil.copytree(ROOT / "tests/projects/backends/flit", source, ignore=shutil.ignore_patterns(*projects.GENERATED))
    with (source / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{table}")
    projects.commit(source, place)


# The other two start azureml-core as well, and take longer.
LONG = ("docs/from-the-article.md-0", "docs/from-the-article.md-2")


@pytest.fixture(scope="session")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the runner's temporary folder, in which the step's own packages are installed once."""
    return tmp_path_factory.mktemp("temp")


@pytest.fixture
def place(repository: Path, azure: Azure, base: dict[str, str], temp: Path, tmp_path: Path) -> runner.Place:
    """Return a job's place, whose runner gives it a token for OIDC; no other way to sign in is there."""
    env = {key: value for key, value in base.items() if not key.startswith(("AZURE_", "ARM_"))}
    env |= github.request_environment(azure.world.store, github.SUBJECT)
    return runner.Place(repository, tmp_path / "work", temp, env)


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[pytest.mark.long] if each in LONG else []) for each in WORKFLOWS]
)
def test_a_printed_workflow_releases(name: str, place: runner.Place, azure: Azure) -> None:
    """It signs in as it says, and releases what the capitals stand for."""
    job, table = WORKFLOWS[name]
    assert (job["environment"], job["permissions"]["id-token"]) == ("release", "write")
    checkout(table, place.workspace)
    (step,) = (each["with"] for each in job["steps"] if each["uses"].partition("@")[0].endswith("/amlwheel"))
    given = {key: runner.evaluate(str(value), CONTEXT) for key, value in step.items()}
    result = runner.run(place, given, (names.READ_TOKEN,))
    assert result.status == 0, result.log.text[-3000:]
    assert "signed in by OIDC" in result.log.text
    assert result.outputs["environment-name"] == given.get("environment-name", "acme-flit")
    assert azure.writes() or "sdk" in given
