"""Known vulnerabilities of packages: what the public database says, and what is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ID = r"[A-Za-z]\w*(-[\w.:]+)+"  # of an advisory, in ASCII: it becomes part of addresses, messages and files


@dataclass(frozen=True, order=True)
class Package:
    """A package of the public index: normalised name (PEP 503), and version (PEP 440) without a local part.

    `ecosystem` is another one where the repository's own tools ask (`scripts/audit`).
    """

    name: str
    version: str
    ecosystem: str = "PyPI"

    @classmethod
    def of(cls, name: str, version: str) -> "Package | None":
        """Return the package as OSV knows it: `2.5.1+cpu` is a build of 2.5.1. None for what isn't Python's."""
        try:
            return cls(canonicalize_name(name), Version(version).public) if name else None
        except InvalidVersion:
            return None


@dataclass(frozen=True)
class Advisory:
    """One advisory, not a withdrawn one. `fixed` are the versions that have the fix, by package.

    `aliases` are the ids that other databases have for the same flaw. `severity` is a word of `SEVERITIES` or empty.
    """

    id: str
    aliases: frozenset[str] = frozenset()
    severity: str = ""
    fixed: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Every id of it."""
        return self.aliases | {self.id}


SEVERITIES = ("", "low", "medium", "high", "critical")  # in their order


@dataclass(frozen=True)
class Finding:
    """One flaw of one locked package, under all its ids. `fixed` is the next version that has the fix, if there is one.

    `accepted` tells whether the user accepts it, `reason` why, in the user's words.
    """

    package: Package
    id: str
    aliases: tuple[str, ...] = ()
    severity: str = ""
    fixed: str = ""
    accepted: bool = False
    reason: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every id of it."""
        return (self.id, *self.aliases)

    @property
    def link(self) -> str:
        """The page about it."""
        return page(self.id)

    @property
    def text(self) -> str:
        """All of it on one line, but for the link."""
        also = f" ({', '.join(self.aliases)})" if self.aliases else ""
        rest = [self.severity, f"fixed in {self.fixed}" if self.fixed else "no fix yet"]
        return f"{self.package.name} {self.package.version}: {self.id}{also}, {', '.join(filter(None, rest))}"


@dataclass(frozen=True)
class Audit:
    """What is known of a lock's vulnerabilities. `asked` counts the packages that the database was asked for.

    `unasked` counts those that it wasn't, since their names may be private; our own aren't counted. `left_out` says why
    nothing is known, and is empty otherwise.
    """

    asked: int = 0
    unasked: int = 0
    findings: tuple[Finding, ...] = ()
    left_out: str = ""

    @property
    def open(self) -> tuple[Finding, ...]:
        """What nobody has accepted."""
        return tuple(each for each in self.findings if not each.accepted)

    @property
    def told(self) -> str:
        """The result on one line."""
        if self.left_out:
            return f"Not audited: {self.left_out}"
        found, accepted = len(self.open), len(self.findings) - len(self.open)
        parts = [f"{found or 'no'} known vulnerabilit{'y' if found == 1 else 'ies'} in {self.asked} public packages"]
        parts += [f"{accepted} accepted"] if accepted else []
        parts += [f"{self.unasked} that may be private not asked for"] if self.unasked else []
        return ", ".join(parts)


NOT_AUDITED = Audit(left_out="`audit` is none")


def page(name: str) -> str:
    """Return the address of OSV's page about an advisory, by any id that OSV knows."""
    return f"https://osv.dev/vulnerability/{name}"
