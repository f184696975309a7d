"""The audit's result for people and programs: in the summary, in the receipt, and as VEX in the SBOM."""

import typing
from collections.abc import Mapping, Sequence
from typing import Any

from ..model.advisory import NOT_AUDITED, Audit, Finding, Package, page

if typing.TYPE_CHECKING:
    from cyclonedx.model import vulnerability


def summary(audit: Audit) -> str:
    """Return the part of the summary page, in Markdown; empty if nobody asked for an audit.

    Every text in it has a narrow form of its own, but for the user's reasons, which stay out.
    """
    if audit == NOT_AUDITED:
        return ""
    if not audit.findings:
        return f"\n{audit.told[0].upper()}{audit.told[1:]}.\n"
    rows = "".join(_row(each) for each in audit.findings)
    return f"\n{audit.told}.\n\n| vulnerability | package | severity | fixed in | |\n|---|---|---|---|---|\n{rows}"


def _row(finding: Finding) -> str:
    package, names = finding.package, ", ".join(finding.aliases)
    cells = [f"[{finding.id}]({finding.link}) {names}", f"{package.name} {package.version}", finding.severity]
    return f"| {' | '.join([*cells, finding.fixed, 'accepted' if finding.accepted else ''])} |\n"


def receipt(audit: Audit) -> dict[str, Any]:
    """Return the part of the receipt; nothing, if nobody asked for an audit."""
    if audit == NOT_AUDITED:
        return {}
    found = {"packages": audit.asked, "not_asked": audit.unasked, "findings": [*map(_entry, audit.findings)]}
    return {"audit": {"left_out": audit.left_out} if audit.left_out else found}


def _entry(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "aliases": [*finding.aliases],
        "package": finding.package.name,
        "version": finding.package.version,
        **({"severity": finding.severity} if finding.severity else {}),
        **({"fixed": finding.fixed} if finding.fixed else {}),
        "url": finding.link,
        "accepted": finding.accepted,
        **({"reason": finding.reason} if finding.reason else {}),
    }


def vex(audit: Audit, refs: Mapping[Package, Sequence[str]]) -> "list[vulnerability.Vulnerability]":
    """Return the findings in CycloneDX's form; `refs` are the components of each package.

    An accepted one keeps affecting the release, and nobody is going to change that: `exploitable` and `will_not_fix`.
    It is no claim that the flaw can't be reached, which CycloneDX calls `not_affected`. The others weren't analysed.
    """
    from cyclonedx.model import XsUri, impact_analysis, vulnerability  # noqa: PLC0415  # see sbom.NEEDED

    def source(name: str) -> vulnerability.VulnerabilitySource:
        return vulnerability.VulnerabilitySource(name="OSV", url=XsUri(page(name)))

    def analysis(finding: Finding) -> vulnerability.VulnerabilityAnalysis:
        return vulnerability.VulnerabilityAnalysis(
            state=impact_analysis.ImpactAnalysisState.EXPLOITABLE,
            responses=[impact_analysis.ImpactAnalysisResponse.WILL_NOT_FIX],
            detail=finding.reason or "accepted",
        )

    def entry(finding: Finding) -> vulnerability.Vulnerability:
        package, severity = finding.package, finding.severity
        rated = vulnerability.VulnerabilitySeverity(severity) if severity else None
        return vulnerability.Vulnerability(
            bom_ref=f"{finding.id} {package.name}",
            id=finding.id,
            source=source(finding.id),
            references=[vulnerability.VulnerabilityReference(id=each, source=source(each)) for each in finding.aliases],
            ratings=[vulnerability.VulnerabilityRating(severity=rated)] if rated else [],
            recommendation=f"Raise {package.name} to {finding.fixed}." if finding.fixed else None,
            advisories=[vulnerability.VulnerabilityAdvisory(url=XsUri(finding.link))],
            analysis=analysis(finding) if finding.accepted else None,
            affects=[vulnerability.BomTarget(ref=each) for each in refs[package]],
        )

    return [entry(each) for each in audit.findings]
