"""Make findings of advisories: one for each flaw of a package, whatever databases call it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from packaging.version import Version

from ..model.advisory import SEVERITIES, Advisory, Finding, Package


def findings(advisories: Mapping[Package, Iterable[Advisory]], accepted: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the flaws of each package, the worst first. `accepted` are ids, under any alias, with the reasons."""
    found = [_finding(package, flaw) for package, several in advisories.items() for flaw in _flaws(several)]
    wanted = {name.lower(): reason for name, reason in accepted.items()}
    judged = [_judged(each, wanted) for each in found]
    return tuple(sorted(judged, key=lambda each: (-SEVERITIES.index(each.severity), each.package, each.id)))


def unknown(found: Iterable[Finding], accepted: Iterable[str]) -> list[str]:
    """Return those `accepted` ids that nothing has."""
    known = {name.lower() for each in found for name in each.names}
    return [name for name in accepted if name.lower() not in known]


def _flaws(advisories: Iterable[Advisory]) -> list[list[Advisory]]:
    """Put the advisories together that share an id, also by way of others."""
    groups: list[list[Advisory]] = []
    for each in advisories:
        same = [group for group in groups if any(each.names & one.names for one in group)]
        groups = [group for group in groups if group not in same]
        groups.append([each, *(one for group in same for one in group)])
    return groups


def _finding(package: Package, flaw: Sequence[Advisory]) -> Finding:
    """Return the finding of one flaw. GitHub's id goes first: its records have severity and links."""
    names = sorted({each.id for each in flaw}, key=lambda name: (not name.startswith("GHSA-"), name))
    aliases = sorted(frozenset[str]().union(*(each.names for each in flaw)) - {names[0]})
    severity = max((each.severity for each in flaw), key=SEVERITIES.index)
    fixes = filter(None, (_next_fix(each, package) for each in flaw))
    return Finding(package, names[0], tuple(aliases), severity, str(max(fixes, default="")))


def _next_fix(advisory: Advisory, package: Package) -> Version | None:
    """Return the lowest version with the fix above the locked one: each of several branches may have its own."""
    fixed = advisory.fixed.get(package.name, ())
    return min((each for each in fixed if each > Version(package.version)), default=None)


def _judged(finding: Finding, accepted: Mapping[str, str]) -> Finding:
    reasons = [accepted[name.lower()] for name in finding.names if name.lower() in accepted]
    return replace(finding, accepted=True, reason="; ".join(filter(None, reasons))) if reasons else finding
