"""Some advisories as OSV has them, shortened; nothing has them until a test says so.

pypa/advisory-database, vulns/idna/PYSEC-2024-60.yaml; github/advisory-database, GHSA-jjg7-2v4v-x38h.
"""

from typing import Any


def record(name: str, alias: str, package: str, fixed: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """Return the record of a flaw that every version below `fixed` has."""
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

RECORDS = (
    record(IDNA, IDNA_CVE, "idna", "3.7", database_specific={"severity": "MODERATE"}),
    record(
        IDNA_PYSEC,
        IDNA_CVE,
        "idna",
        "3.7",
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
    ),
)
