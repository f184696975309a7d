"""The lock: pins of all packages, and what a user should know about how they were chosen."""

from dataclasses import dataclass

from .wheel import File, Pin, Wheel


@dataclass(frozen=True)
class Sdist:
    """The sdist of a package, as an index offers it; the name is normalised (PEP 503)."""

    name: str
    version: str
    file: File


@dataclass(frozen=True)
class Lock:
    """The `pins` of a release, sorted by name.

    `built` are the wheels that were built from sdists for it. `warnings` are things that need attention, `gaps` such
    that don't: a newer release that another requirement excludes. `untimed` are the names of packages of which an index
    tells no upload times, so that no limit holds for them. Both quote packages' own words, which are hostile.
    """

    pins: tuple[Pin, ...]
    built: tuple[Wheel, ...] = ()
    warnings: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    untimed: frozenset[str] = frozenset()
