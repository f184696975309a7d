"""What the pages print is run as it is printed: workflows for GitHub by the small runner, with the capitals filled in."""

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


def checkout(repository: Path, table: str, place: Path) -> None:
    """Make the checkout of a user's repository: a small project, with the table of the page."""
    source = place.with_name("source")
    shutil.copytree(ROOT / "tests/projects/backends/flit", source, ignore=shutil.ignore_patterns(*projects.GENERATED))
    with (source / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{table}")
    projects.commit(source, place)


@pytest.fixture(scope="session")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the runner's temporary folder, in which the step's own packages are installed once."""
    return tmp_path_factory.mktemp("temp")


# The other two start azureml-core as well, and take longer.
@pytest.mark.parametrize(
    "name",
    [each if each in ("README.md-0", "docs/from-the-article.md-1") else pytest.param(each, marks=pytest.mark.long) for each in WORKFLOWS],
)
def test_a_printed_workflow_releases(
    name: str, repository: Path, azure: Azure, base: dict[str, str], temp: Path, tmp_path: Path
) -> None:
    """It signs in as it says, and nothing else that could is there: no secret, no login."""
    job, table = WORKFLOWS[name]
    assert (job["environment"], job["permissions"]["id-token"]) == ("release", "write")
    checkout(repository, table, tmp_path / "work")
    (step,) = (each["with"] for each in job["steps"] if each["uses"].startswith("OWNER/amlwheel@"))
    given = {key: runner.evaluate(str(value), CONTEXT) for key, value in step.items()}
    env = {key: value for key, value in base.items() if not key.startswith(("AZURE_", "ARM_"))}
    env |= github.request_environment(azure.world.store, github.SUBJECT)
    place = runner.Place(repository, tmp_path / "work", temp, env)
    result = runner.run(place, given, (names.READ_TOKEN,))
    assert result.status == 0, result.log.text[-3000:]
    assert "signed in by OIDC" in result.log.text
    assert result.outputs["environment-name"] == given.get("environment-name", "acme-flit")
    assert any("/environments/" in each for each in azure.writes()) or "sdk" in given
