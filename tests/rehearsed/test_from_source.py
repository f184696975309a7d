"""Packages without a wheel: a stop that says why, and the way out followed literally to a release."""

import json
import re

import pytest
from rehearsed.steps import PROJECTS, Step

CASES = PROJECTS / "cases"


@pytest.mark.network
@pytest.mark.parametrize(
    ("case", "code", "told"),
    [
        ("hydra-silent", "AW74", "hydra-core 0.11.3 in place of"),
        ("sdist-only", "AW72", "antlr4-python3-runtime 4.9.3 (which omegaconf 2.3.0 requires)"),
    ],
)
def test_the_stop_names_the_package_and_its_fix_releases(step: Step, case: str, code: str, told: str) -> None:
    refused = step(package_dir=CASES / case)
    assert code in refused.told
    assert told in refused.told
    assert not refused.writes
    found = re.search(r"Set `?(?:--)?from-source`? to ([a-z0-9, -]+): the step", refused.told)
    assert found
    given = "\n".join(found[1].split(", "))
    first = step(package_dir=CASES / case, from_source=given)
    assert first.status == 0, first.output
    receipt = json.loads(first.files["aml-release.json"])
    lock = first.files["requirements.lock"].decode()
    listed = {each["name"]: each for each in json.loads(first.files["sbom.cdx.json"])["components"]}
    assert {each["name"] for each in receipt["from_source"]} == set(given.split("\n"))
    for each in receipt["from_source"]:
        assert "-0amlwheel-" in each["wheel"]
        assert f"{each['name']}=={each['version']} --hash=sha256:{each['sha256']}\n" in lock
        (reference,) = listed[each["name"]]["externalReferences"]
        assert reference["hashes"][0]["content"] == each["source"]["sha256"]
    second = step(package_dir=CASES / case, from_source=given)
    assert second.status == 0, second.output
    assert not second.writes
    assert second.released == first.released
