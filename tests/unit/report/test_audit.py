"""The audit's result in receipt, summary and SBOM."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.model.advisory import NOT_AUDITED, Audit, Finding, Package
from amlwheel.model.conda import Conda, exact
from amlwheel.model.environment import PIP
from amlwheel.model.wheel import Pin
from amlwheel.report import audit, sbom
from amlwheel.report.release import Release
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from unit.parts import make, release, sha
from unit.report.test_receipt import problems, told

OPEN = Finding(Package("numpy", "2.2.0"), "GHSA-1", ("CVE-1", "PYSEC-1"), "medium", "2.2.1")
ACCEPTED = Finding(Package("numpy", "2.2.0"), "PYSEC-2", accepted=True, reason="never|called")
PIPS = Finding(Package("pip", PIP), "GHSA-3", accepted=True)


@pytest.fixture
def made(tmp_path: Path) -> Release:
    return replace(release(make(tmp_path)), audit=Audit(2, 1, (OPEN, ACCEPTED, PIPS)))


def test_the_receipt_has_it_for_auditors(made: Release) -> None:
    assert problems(told(made)) == []
    said = told(made)["audit"]
    assert (said["packages"], said["not_asked"]) == (2, 1)
    first, second, _ = said["findings"]
    assert first == {
        "id": "GHSA-1",
        "aliases": ["CVE-1", "PYSEC-1"],
        "package": "numpy",
        "version": "2.2.0",
        "severity": "medium",
        "fixed": "2.2.1",
        "url": "https://osv.dev/vulnerability/GHSA-1",
        "accepted": False,
    }
    assert second["reason"] == "never|called"
    left_out = told(replace(made, audit=Audit(2, left_out="no connection")))
    assert problems(left_out) == []
    assert left_out["audit"] == {"left_out": "no connection"}
    assert "audit" not in told(replace(made, audit=NOT_AUDITED))


def test_the_summary_has_a_row_for_each() -> None:
    text = audit.summary(Audit(2, 0, (OPEN, ACCEPTED)))
    assert "1 known vulnerability in 2 public packages, 1 accepted." in text
    link = "[GHSA-1](https://osv.dev/vulnerability/GHSA-1)"
    assert f"| {link} CVE-1, PYSEC-1 | numpy 2.2.0 | medium | 2.2.1 |  |" in text
    assert "numpy 2.2.0 |  |  | accepted |" in text
    assert audit.summary(Audit(2, left_out="x")) == "\nNot audited: x.\n"
    assert audit.summary(NOT_AUDITED) == ""


def test_the_sbom_has_it_as_vex(made: Release) -> None:
    conda = Conda((exact("numpy=2.2.0=h1"), exact("tk=8.6=h1")))
    pins = (*made.environment.pins, Pin("torch", "2.5.1+cpu", (sha("t"),)))
    torch = Finding(Package("torch", "2.5.1"), "GHSA-4")
    whole = replace(made, conda=conda, environment=replace(made.environment, pins=pins))
    whole = replace(whole, audit=Audit(3, 0, (*made.audit.findings, torch)))
    text = sbom.text(whole)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert text == sbom.text(whole)
    said = json.loads(text)
    found = {each["id"]: each for each in said["vulnerabilities"]}
    assert {each["ref"] for each in found["GHSA-1"]["affects"]} == {
        "pkg:pypi/numpy@2.2.0",
        "pkg:conda/numpy@2.2.0?build=h1",
    }
    assert found["GHSA-3"]["affects"] == [{"ref": f"pkg:conda/pip@{PIP}"}]
    assert [each["ref"] for each in found["GHSA-4"]["affects"]] == ["pkg:pypi/torch@2.5.1%2Bcpu"]
    assert {each["bom-ref"] for each in said["components"]} >= {
        ref["ref"] for each in found.values() for ref in each["affects"]
    }
    assert {each["id"] for each in found["GHSA-1"]["references"]} == {"CVE-1", "PYSEC-1"}
    assert found["GHSA-1"]["ratings"] == [{"severity": "medium"}]
    assert found["GHSA-1"]["recommendation"] == "Raise numpy to 2.2.1."
    assert "analysis" not in found["GHSA-1"]
    analysis = {"state": "exploitable", "response": ["will_not_fix"], "detail": "never|called"}
    assert found["PYSEC-2"]["analysis"] == analysis


def test_other_findings_are_another_sbom(made: Release) -> None:
    numbers = {
        json.loads(sbom.text(replace(made, audit=each)))["serialNumber"]
        for each in (made.audit, Audit(2), Audit(2, 0, (OPEN,)))
    }
    assert len(numbers) == 3
