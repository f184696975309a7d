"""The repository's own supply chain: its locks are read whole, a known flaw is found, the SBOM of the step is valid."""

import json
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import pytest
from amlwheel.advisories import osv
from amlwheel.transport import http
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from own import audit, locks, sbom

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHA = "0" * 64
RECORD: dict[str, Any] = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2099-0001"],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "idna"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "3.7"}]}],
        }
    ],
}


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a checkout with a lock of Python and one of npm."""
    (tmp_path / "action/locks").mkdir(parents=True)
    text = f"# why\nidna==3.6 ; python_version < '4' \\\n    --hash=sha256:{SHA}\n"
    (tmp_path / "action/locks/step.txt").write_text(text)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/tfx.txt").write_text("# why\na>@x/b 1.0.0-rc.x sha512-00==\nc=d 2.0.0 sha512-00==\n")
    return tmp_path


def database(monkeypatch: pytest.MonkeyPatch, records: Mapping[str, str], asked: list[Any], status: int) -> None:
    """Let the database have these ids by package, and answer with this status."""

    def ask(_url: str, *, until: float, most: int, body: Any = None) -> tuple[int, bytes]:  # noqa: ANN401  # JSON
        del until, most
        if body is None:
            return status, json.dumps(RECORD).encode()
        asked.extend(body["queries"])
        ids = [records.get(each["package"]["name"]) for each in body["queries"]]
        found = [{"vulns": [{"id": each}]} if each else {} for each in ids]
        return status, json.dumps({"results": found}).encode()

    monkeypatch.setattr(http, "ask", ask)
    monkeypatch.setattr(osv, "WITHIN", osv.WITHIN)


@pytest.mark.parametrize(
    ("records", "accepted", "status", "code", "said"),
    [
        ({"idna": RECORD["id"]}, {}, 200, 1, "fixed in 3.7 https://osv.dev/vulnerability/GHSA-aaaa-bbbb-cccc (action/"),
        ({"idna": RECORD["id"]}, {"cve-2099-0001": "x"}, 200, 0, "(accepted, action/locks/step.txt)"),
        ({}, {"CVE-2099-0001": "x"}, 200, 1, "no locked package has it"),
        ({}, {}, 200, 0, "3 packages in 2 locks: 0 known"),
        ({}, {}, 503, 2, "not audited: api.osv.dev answered 503"),
        ({"d": RECORD["id"]}, {}, 200, 1, "d 2.0.0: GHSA-aaaa-bbbb-cccc"),
    ],
)
def test_a_known_vulnerability_is_found_or_accepted(  # noqa: PLR0913, PLR0917  # a table
    repository: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    records: dict[str, str],
    accepted: dict[str, str],
    status: int,
    code: int,
    said: str,
) -> None:
    asked: list[Any] = []
    database(monkeypatch, records, asked, status)
    lines, ended = audit.audit(repository, accepted)
    assert ended == code
    assert said in "\n".join(lines)
    assert asked == [
        {"package": {"name": "@x/b", "ecosystem": "npm"}, "version": "1.0.0-rc.x"},
        {"package": {"name": "d", "ecosystem": "npm"}, "version": "2.0.0"},
        {"package": {"name": "idna", "ecosystem": "PyPI"}, "version": "3.6"},
    ]


def test_every_lock_of_the_repository_is_read_whole() -> None:
    found = {path.relative_to(ROOT).as_posix(): len(locks.read(path)) for path in locks.locks(ROOT)}
    assert {
        "action/locks/step.txt",
        "tests/test.txt",
        "scripts/vsix/tfx.txt",
        "templates/training/requirements-v2.txt",
    } <= {*found}
    assert all(found.values())
    assert found["action/locks/step.txt"] > 40


@pytest.mark.parametrize(
    "line", ["idna>=3", "idna==3.6", "https://x.example/a.whl", f"x==no.version \\\n    --hash=sha256:{SHA}"]
)
def test_a_line_that_is_no_pin_is_an_error(repository: pathlib.Path, line: str) -> None:
    (repository / "action/locks/step.txt").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"step\.txt"):
        audit.audit(repository)


def test_the_sbom_of_the_step_is_valid_and_has_every_file(tmp_path: pathlib.Path) -> None:
    text = sbom.text(ROOT)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    said = json.loads(text)
    components = {each["bom-ref"]: each for each in said["components"]}
    for name in sbom.LOCKS:
        for pin in locks.read(ROOT / "action/locks" / name):
            found = components[f"pkg:pypi/{pin.package.name}@{pin.package.version}"]
            assert {each["content"] for each in found["hashes"]} >= set(pin.sha256)
            assert {"name": "amlwheel:lock", "value": name} in found["properties"]
    shutil.copytree(ROOT / "action/locks", tmp_path / "action/locks")
    assert sbom.text(tmp_path) == text
