"""What an environment has to hold: our wheels, and the requirements that the user adds."""

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..model.environment import Python
from ..model.team_lock import TeamLock
from ..model.wheel import Wheel


@dataclass(frozen=True)
class Requirements:
    """What the resolver has to satisfy: our `wheels` and `more` requirements, for the image's `python`.

    `constraints` bound versions without requiring a package, as pip's `-c` does. `from_source` are normalised names of
    packages that are built from their sdists, or `all`: every package that has no wheel that fits. `builds` tells
    whether that may be asked for: images of `route: git` build nothing but the project's commit. What `team`, the
    team's own lock, has is taken as it stands there.
    """

    wheels: tuple[Wheel, ...]
    more: tuple[Requirement, ...]
    python: Python
    constraints: tuple[Requirement, ...] = ()
    from_source: frozenset[str] = frozenset()
    builds: bool = True
    team: TeamLock | None = None

    @property
    def locked(self) -> dict[str, str]:
        """The versions of the team's lock by normalised name, of packages that an index has."""
        others = self.own | self.addresses.keys()
        packages = self.team.packages.values() if self.team else ()
        return {each.name: each.version for each in packages if each.kind == "index" and each.name not in others}

    @property
    def own(self) -> set[str]:
        """The normalised names of our wheels."""
        return {wheel.project for wheel in self.wheels}

    @property
    def every_source(self) -> bool:
        """Whether every package without a wheel that fits is built from its sdist."""
        return "all" in self.from_source

    @property
    def direct(self) -> set[str]:
        """The normalised names that we or our wheels require for this Python on Linux x86-64, without an extra."""
        return {str(canonicalize_name(each.name)) for each in self.applicable}

    @property
    def applicable(self) -> tuple[Requirement, ...]:
        """What we and our wheels require, with the extras of ours that are asked for."""
        needs = [(each, frozenset[str]()) for each in self.more]
        needs += [(each, self._extras(wheel)) for wheel in self.wheels for each in wheel.requires]
        return tuple(each for each, extras in needs if applies(each, self.python, extras))

    @property
    def addresses(self) -> dict[str, str]:
        """The address of each wheel that is required by one, by its normalised name, as our metadata spell it.

        pip takes two spellings for two packages: with and without `#sha256=` (pip, `links_equivalent`).
        """
        return {str(canonicalize_name(each.name)): each.url for each in self.applicable if each.url}

    @property
    def by_address(self) -> list[str]:
        """What is required by address, each once: uv takes addresses of direct requirements only."""
        found = {str(canonicalize_name(each.name)): each for each in self.applicable if each.url}
        extras = {name: f"[{','.join(sorted(each.extras))}]" if each.extras else "" for name, each in found.items()}
        return [f"{name}{extras[name]} @ {url}" for name, url in self.addresses.items()]

    def _extras(self, wheel: Wheel) -> frozenset[str]:
        asked = (each.extras for each in self.more if canonicalize_name(each.name) == wheel.project)
        return frozenset(str(canonicalize_name(extra)) for extras in asked for extra in extras)


def applies(requirement: Requirement, python: Python, extras: Iterable[str] = ()) -> bool:
    """Tell whether a requirement applies in the image, to a package of which `extras` are asked for."""
    marker = requirement.marker
    return not marker or any(marker.evaluate({**python.markers, "extra": each}) for each in ("", *extras))
