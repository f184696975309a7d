"""One finding for each flaw, whatever databases call it."""

from amlwheel.advisories.findings import findings, unknown
from amlwheel.model.advisory import Advisory, Audit, Finding, Package
from packaging.version import Version

IDNA = Package("idna", "3.6")
CVE = frozenset({"CVE-2024-3651"})


def fixed(*versions: str) -> dict[str, tuple[Version, ...]]:
    return {"idna": tuple(map(Version, versions)), "other": (Version("9"),)}


def test_aliases_are_one_finding_with_githubs_id_first() -> None:
    several = [Advisory("PYSEC-2024-60", CVE, "", fixed("3.7")), Advisory("GHSA-j", CVE, "medium", fixed("3.8", "3.5"))]
    (found,) = findings({IDNA: several}, {})
    assert found == Finding(IDNA, "GHSA-j", ("CVE-2024-3651", "PYSEC-2024-60"), "medium", "3.8")
    assert found.text == "idna 3.6: GHSA-j (CVE-2024-3651, PYSEC-2024-60), medium, fixed in 3.8"
    assert found.link == "https://osv.dev/vulnerability/GHSA-j"


def test_ids_that_only_a_third_one_connects_are_one_flaw() -> None:
    chain = [Advisory("A-1", frozenset({"C-1"})), Advisory("B-1", frozenset({"C-2"})), Advisory("C-1")]
    chain.append(Advisory("D-1", frozenset({"C-1", "C-2"})))
    (found,) = findings({IDNA: chain}, {})
    assert found.names == ("A-1", "B-1", "C-1", "C-2", "D-1")
    assert found.text.endswith(", no fix yet")


def test_the_fix_is_the_next_one_of_a_branch_and_the_worst_comes_first() -> None:
    found = findings(
        {
            Package("a", "1.4"): [Advisory("L-1", severity="low", fixed={"a": (Version("2.1"), Version("1.5.2"))})],
            Package("b", "1"): [Advisory("N-1")],
            Package("z", "1"): [Advisory("H-1", severity="critical", fixed={"z": (Version("0.9"),)})],
        },
        {},
    )
    assert [(each.id, each.fixed) for each in found] == [("H-1", ""), ("L-1", "1.5.2"), ("N-1", "")]


def test_any_alias_accepts_and_the_reason_is_kept() -> None:
    advisories = {IDNA: [Advisory("GHSA-j", CVE)], Package("x", "1"): [Advisory("X-1")]}
    found = findings(advisories, {"cve-2024-3651": "not reachable", "GHSA-J": "", "Y-1": ""})
    assert [(each.id, each.accepted, each.reason) for each in found] == [
        ("GHSA-j", True, "not reachable"),
        ("X-1", False, ""),
    ]
    assert unknown(found, ["ghsa-j", "Y-1"]) == ["Y-1"]


def test_packages_are_named_as_the_database_knows_them() -> None:
    assert Package.of("Torch_Vision", "0.20.1+cpu") == Package("torch-vision", "0.20.1")
    assert Package.of("tk", "8.6.h1-x") is None
    assert Package.of("", "1.0") is None


def test_the_result_on_one_line() -> None:
    flaw = Finding(IDNA, "A-1")
    assert Audit(3).told == "no known vulnerabilities in 3 public packages"
    assert Audit(3, 0, (flaw,)).told == "1 known vulnerability in 3 public packages"
    accepted = Finding(IDNA, "A-2", accepted=True)
    told = "2 known vulnerabilities in 3 public packages, 1 accepted, 4 that may be private not asked for"
    assert Audit(3, 4, (flaw, flaw, accepted)).told == told
    assert Audit(left_out="x").told == "Not audited: x"
