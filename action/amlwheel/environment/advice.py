"""What to do about packages of which no file fits: the one line that mends it, as far as there is one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .requirements import Requirements

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The Pythons that are asked about where the image's own has no wheel: those of `python-version`."""


@dataclass(frozen=True)
class Lacking:
    """A release of which no file fits: `parent` requires it (`NAME VERSION`, empty: the user does).

    `version` is empty if no release is allowed by `asked` (a specifier); `pythons` are those that have a wheel, `sdist`
    tells whether there is one to build. `private`: an index of its own serves it, so it isn't the public package of its
    name.
    """

    name: str
    version: str
    asked: str
    parent: str
    pythons: tuple[str, ...]
    private: bool = False
    sdist: bool = True

    @property
    def label(self) -> str:
        """The release for people."""
        return f"{self.name} {self.version or self.asked.removeprefix('==')}".strip()

    def __str__(self) -> str:
        """Return the release, and who requires it, for people."""
        return self.label + (f" (which {self.parent} requires)" if self.parent else "")

    def fits(self, python: str) -> bool:
        """Tell whether there is a wheel for `python`: then the package is only here since it is to be built."""
        return python in self.pythons


def newer(lacks: Iterable[Lacking], requirements: Requirements) -> str:
    """Return the fix with which the lacking releases can be had; empty if nothing brings all of them."""
    lacks = list(dict.fromkeys(lacks))
    needless = [each for each in lacks if not each.sdist and each.fits(requirements.python.minor)]
    built = [each for each in lacks if each.sdist and requirements.builds]
    others = [each for each in lacks if each not in (*needless, *built)]
    python = for_python(others, requirements) if others else ""
    if others and not python:
        return ""
    take_out = f"Take {_names(needless)} out of `from-source`." if needless else ""
    return " ".join(filter(None, [take_out, from_source(built, requirements) if built else "", python]))


def older(named: Iterable[str], lacks: Sequence[Lacking], requirements: Requirements) -> str:
    """Return the fix that takes older releases (`NAME<=VERSION`), since those that lack something can't be had."""
    elsewhere = "" if requirements.builds or not all(each.sdist for each in lacks) else _elsewhere(lacks)
    return f"To take the older release, require {', '.join(named)}{elsewhere}."


def for_python(lacks: Sequence[Lacking], requirements: Requirements) -> str:
    """Return the fix for packages that have wheels for other Pythons; empty without one for all, ours included."""
    wheels = requirements.wheels
    fitting = [
        each
        for each in PYTHONS
        if all(lack.fits(each) for lack in lacks)
        and all(wheel.requires_python.contains(f"{each}.99", prereleases=True) for wheel in wheels)
    ]
    if not fitting:
        return ""
    have = "has" if len(lacks) == 1 else "have"
    return f"Set `python-version` to {fitting[-1]}, for which {_labels(lacks)} {have} a wheel."


def from_source(lacks: Sequence[Lacking], requirements: Requirements) -> str:
    """Return the fix for packages that have sdists: the line of `from-source`; of private ones somebody has the code.

    Where nothing can be built, it is another route or another version.
    """
    private = [each for each in lacks if each.private]
    public = [each for each in lacks if not each.private]
    publish = f"Publish a wheel of {_names(private)} that fits, to the index that has it." if private else ""
    build = f"Set `from-source` to {_names(public)}: the step then builds the wheel."
    if not requirements.builds:
        build = f"Require a version of {_names(public)} that has a wheel{_elsewhere(public)}."
    return " ".join(filter(None, [build if public else "", publish]))


def _elsewhere(lacks: Iterable[Lacking]) -> str:
    """Return the other way of those whose images build nothing but the project's commit."""
    return f", or release by another `route`, where `from-source` builds {_names(lacks)}"


def _names(lacks: Iterable[Lacking]) -> str:
    return ", ".join(sorted({each.name for each in lacks}))


def _labels(lacks: Iterable[Lacking]) -> str:
    return " and ".join(sorted({each.label for each in lacks}))
