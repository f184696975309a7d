"""Some advisories as OSV has them, shortened; nothing has them until a test says so.

pypa/advisory-database, vulns/idna/PYSEC-2024-60.yaml; github/advisory-database, GHSA-jjg7-2v4v-x38h (idna) and
GHSA-4xh5-x5gv-qwph (pip, #6358).
"""

from typing import Any


def _record(name: str, alias: str, package: str, fixed: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    return {
        "schema_version": "1.7.3",
        "id": name,
        "aliases": [alias],
        "modified": "2026-02-04T03:20:00Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package, "purl": f"pkg:pypi/{package}"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
            }
        ],
        **more,
    }


IDNA = "GHSA-jjg7-2v4v-x38h"
IDNA_PYSEC = "PYSEC-2024-60"
IDNA_CVE = "CVE-2024-3651"
PIP = "GHSA-4xh5-x5gv-qwph"

RECORDS = (
    _record(IDNA, IDNA_CVE, "idna", "3.7", database_specific={"severity": "MODERATE"}),
    _record(
        IDNA_PYSEC,
        IDNA_CVE,
        "idna",
        "3.7",
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
    ),
    _record(PIP, "CVE-2025-8869", "pip", "25.3", database_specific={"severity": "MODERATE"}),
)
