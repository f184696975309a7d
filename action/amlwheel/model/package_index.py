"""A package index that is named for certain packages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PackageIndex:
    """A package index (PEP 503) at `url`, without a credential, from which these packages come and no others.

    `names` are normalised (PEP 503). No other index answers for them.
    """

    url: str
    names: frozenset[str]
