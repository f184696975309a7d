"""What every host must do with the same step: the inputs, in a workflow, and what has to come out.

A scenario's inputs stand in `workflows/<name>.yml`, as a user writes them. Each door (act, the small runner, the small
agent of Azure Pipelines) runs them and compares with what is expected here.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hosts import runner
from rehearsal.state import names

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROJECTS = {
    "features": ROOT / "tests/projects/acme-features",
    "flit": ROOT / "tests/projects/backends/flit",
    "pdm": ROOT / "tests/projects/backends/pdm",
    "hostile": HERE / "projects/hostile",
    "table": HERE / "projects/table",
}
SECRETS = {"FEED_TOKEN": names.FEED_TOKEN, "CONNECTION_TOKEN": names.READ_TOKEN}


@dataclass(frozen=True)
class Scenario:
    """One use of the step: the pushed tag, and its exit status, codes of errors and outputs (those foreseeable)."""

    name: str
    tag: str
    status: int = 0
    codes: tuple[str, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    writes: bool = True

    def check_page(self, page: str, messages: Sequence[str], log: str) -> None:
        """Assert that the run's page tells how it ended, and that the log says nothing of an error twice."""
        assert page.startswith(("## Failed: ", "## Cancelled") if self.status else "## "), page
        for code in self.codes:
            assert f"[All about {code}](" in page
            assert f"/docs/errors.md#{code.lower()})" in page
        assert page.count("**What to do:** ") >= len(self.codes)
        for message in messages:
            head, what, *_ = message.split("\n")
            assert (log.count(head), log.count(what)) == (1, 1), message

    @property
    def workflow(self) -> Path:
        """The workflow that uses the step so."""
        return HERE / "workflows" / f"{self.name}.yml"

    @functools.cached_property
    def inputs(self) -> dict[str, str]:
        """What the workflow's step gets, by input name, secrets filled in."""
        (given,) = (step["with"] for step in self.steps() if step.get("uses") == "./")
        return {name: runner.evaluate(str(value), {"secrets": SECRETS}) for name, value in given.items()}

    def steps(self) -> list[dict[str, Any]]:
        """Return all steps of the workflow."""
        jobs: dict[str, Any] = yaml.safe_load(self.workflow.read_text("utf-8"))["jobs"]
        return [step for job in jobs.values() for step in job["steps"]]


_INDEX_URL = f"https://pkgs.dev.azure.com/{names.ORGANIZATION}/{names.PROJECT}/_packaging/{names.FEED}/pypi/simple/"
EVERYWHERE = {
    "index-url": _INDEX_URL,
    "connection": "feed-acme",
    "changed": "true",
    "environment-file": "aml-environment/environment.yml",
    "conda-file": "aml-environment/conda.yml",
    "lock-file": "aml-environment/requirements.lock",
    "receipt": "aml-environment/aml-release.json",
}

RELEASE = Scenario(
    "release",
    "v0.3.0",
    outputs={
        **EVERYWHERE,
        "package-name": "acme-features",
        "package-version": "0.3.0",
        "wheel": "aml-environment/dist/acme_features-0.3.0-py3-none-any.whl",
        "environment-name": "acme-features",
    },
)
MISMATCH = Scenario("mismatch", "v0.4.0", status=23, codes=("AW23",), writes=False)
BAD_INPUTS = Scenario("bad-inputs", "v0.1.0", status=12, codes=("AW12", "AW10", "AW13"), writes=False)
DRY_RUN = Scenario(
    "dry-run",
    "0.1.0",
    outputs={
        **EVERYWHERE,
        "package-name": "acme-flit",
        "package-version": "0.1.0",
        "wheel": "aml-environment/dist/acme_flit-0.1.0-py3-none-any.whl",
        "environment-name": "acme-flit",
    },
    writes=False,
)
SEVERAL = Scenario(
    "several",
    "acme-pdm-v0.1.0",
    outputs={
        **EVERYWHERE,
        "package-name": "acme-flit\nacme-pdm",
        "package-version": "0.1.0\n0.1.0",
        "environment-name": "acme-both",
    },
)
OWN_TABLE = Scenario(
    "own-table",
    "v0.4.0",
    outputs={
        **EVERYWHERE,
        "package-name": "acme-table",
        "package-version": "0.4.0",
        "environment-name": "churn-of-the-table",
    },
    writes=False,
)
HOSTILE = Scenario("hostile", "v6.6.6", outputs={**EVERYWHERE, "package-name": "hostile", "package-version": "6.6.6"})
HOSTILE_FAILURE = Scenario("hostile-failure", "v6.6.6", status=22, codes=("AW22",), writes=False)

SCENARIOS = (RELEASE, MISMATCH, BAD_INPUTS, DRY_RUN, SEVERAL, OWN_TABLE, HOSTILE, HOSTILE_FAILURE)
