"""Known vulnerabilities: told, refused, accepted by id; and a database that doesn't answer stops nobody."""

import dataclasses
import json
import pathlib
import sys
from typing import Any

import pytest
from rehearsal.advisories.host import HOST
from rehearsal.advisories.known import IDNA, IDNA_CVE, IDNA_PYSEC, RECORDS, record
from rehearsal.proxy.world import World
from rehearsed.steps import ROOT, Result, Step, refused, write_wheel

BAD = "idna==3.6"
PIP = "GHSA-pppp-pppp-pppp"
KNOWN = (*RECORDS, record(PIP, "CVE-2099-0001", "pip", "99.0"))  # the last one is invented: the step's own pip has none
DATABASE = rf"^{HOST}$"


def receipt(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.files["aml-release.json"])["audit"]
    return found


def vex(result: Result) -> dict[str, dict[str, Any]]:
    found = json.loads(result.files["sbom.cdx.json"])["vulnerabilities"]
    return {each["id"]: each for each in found}


def asked(result: Result) -> list[dict[str, Any]]:
    return [line for line in result.requests if line["url"].startswith(f"https://{HOST}/")]


def test_a_known_bad_pin_is_refused_and_both_ways_out_work(step: Step, world: World, wheel: pathlib.Path) -> None:
    world.advise(*KNOWN)
    result = step(wheel=wheel, requirements=BAD, audit="refuse")
    refused(
        result,
        166,
        "2 known vulnerabilities",
        f"idna 3.6: {IDNA} ({IDNA_CVE}, {IDNA_PYSEC}), medium, fixed in 3.7 https://osv.dev/vulnerability/{IDNA}",
        f"What to do: Require idna>=3.7 in `--requirements`, and name {PIP} in `--audit-accept`, an id a line, if you",
    )
    raised = step(wheel=wheel, requirements="idna>=3.7", audit="refuse", audit_accept=PIP)
    assert raised.status == 0, raised.output
    assert [each["id"] for each in receipt(raised)["findings"]] == [PIP]


def test_what_is_accepted_under_any_of_its_ids_is_released_and_told(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    world.advise(*KNOWN)
    accepted = f"{IDNA_CVE.lower()} # only our own names are encoded\n{PIP}"
    given: dict[str, Any] = {"wheel": wheel, "requirements": BAD, "audit": "refuse", "audit_accept": accepted}
    result = step(**given)
    assert result.status == 0, result.output
    assert "warning" not in result.output
    assert "Audit · no known vulnerabilities in 2 public packages, 2 accepted" in result.told
    found = {each["id"]: each for each in receipt(result)["findings"]}
    assert found[IDNA]["accepted"]
    assert found[IDNA]["reason"] == "only our own names are encoded"
    said = vex(result)
    assert said[IDNA]["analysis"]["state"] == "exploitable"
    assert said[IDNA]["analysis"]["detail"] == "only our own names are encoded"
    assert said[IDNA]["affects"] == [{"ref": "pkg:pypi/idna@3.6"}]
    assert said[PIP]["affects"][0]["ref"].startswith("pkg:conda/pip@")
    again = step(**given)
    assert (again.status, again.writes) == (0, [])
    assert again.released == result.released


def test_by_default_the_release_is_made_and_warned_of(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    """No private name is sent: neither ours nor the feed's own."""
    world.advise(*KNOWN)
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-secret", "1.0"))
    lead = write_wheel(tmp_path / "wheels", "acme-lead", "0.1.0", requires=["acme-secret", BAD])
    result = step(wheel=lead)
    assert result.status == 0, result.output
    assert "warning: Known vulnerabilities in idna 3.6, pip " in result.told
    assert "2 known vulnerabilities in 2 public packages, 1 that may be private not asked for" in result.told
    assert set(vex(result)) == {IDNA, PIP}
    assert "analysis" not in vex(result)[IDNA]
    question, *records = asked(result)
    assert {each["package"]["name"] for each in json.loads(question["body"])["queries"]} == {"idna", "pip"}
    assert sorted(line["url"].rpartition("/")[2] for line in records) == sorted(each["id"] for each in KNOWN)
    assert not any("acme" in str(line["body"]) for line in asked(result))
    assert not any("authorization" in line["request_headers"] for line in asked(result))
    unasked = step(wheel=lead, audit="none")
    assert (unasked.status, asked(unasked)) == (0, [])
    assert "audit" not in json.loads(unasked.files["aml-release.json"])


def test_an_accepted_id_that_nothing_has(step: Step, world: World, wheel: pathlib.Path) -> None:
    world.advise(*KNOWN)
    given: dict[str, Any] = {"wheel": wheel, "requirements": BAD}
    result = step(**given, audit_accept=f"{IDNA}\nCVE-2000-1")
    refused(result, 167, "names CVE-2000-1, which no locked package has", "Take CVE-2000-1 out of `--audit-accept`")
    assert step(**given, audit_accept=IDNA, dry_run="true").status == 0


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"reset": True}, f"there is no connection to {HOST}"),
        ({"path": "/vulns/", "delay": 60}, f"within 5 s, but it has {IDNA} for idna 3.6, {IDNA_PYSEC} for idna 3.6"),
    ],
)
def test_a_database_that_does_not_answer_stops_no_release(
    step: Step, world: World, wheel: pathlib.Path, fault: dict[str, Any], told: str
) -> None:
    world.advise(*KNOWN)
    world.fail({"host": DATABASE, **fault})
    result = step(wheel=wheel, requirements=BAD, audit="refuse", audit_accept="CVE-2000-1", verify="none")
    assert result.status == 0, result.output
    assert "warning: Not audited: " in result.told
    assert told in result.told
    assert "`--audit` is refuse, but it can't refuse what isn't known." in result.told
    assert told in receipt(result)["left_out"]


def test_the_repositorys_own_locks_are_asked_for_by_a_program_that_can_fail(step: Step, world: World) -> None:
    """`scripts/audit` runs each week."""
    world.advise(*KNOWN)
    lock = step.folder("checkout") / "action/locks/step.txt"
    lock.parent.mkdir(parents=True)
    command = (sys.executable, ROOT / "scripts/audit", "--root", step.folder("checkout"))
    program = dataclasses.replace(step, command=command)
    for version, status in {"3.6": 1, "3.7": 0}.items():
        lock.write_text(f"idna=={version} \\\n    --hash=sha256:{'0' * 64}\n")
        result = program.plainly()
        assert result.status == status, result.output
        assert (f"{IDNA} ({IDNA_CVE}, {IDNA_PYSEC}), medium, fixed in 3.7" in result.output) is bool(status)
    world.fail({"host": DATABASE, "status": 503})
    assert program.plainly().status == 2
