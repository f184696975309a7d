"""The indexes that a requirements file names: those in use anyway, or one for packages of a local version."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..errors.declared import NotTaken
from ..model.origin import split
from ..model.package_index import PackageIndex
from .pip_lines import Line
from .surroundings import Surroundings

# What PyTorch's indexes are for; they hold copies of some other packages, not of all.
_PYTORCH = frozenset(("torch", "torchaudio", "torchdata", "torchtext", "torchvision"))


@dataclass(frozen=True)
class IndexLine:
    """An index option and where it stands; `url` has no credential, `instead` is true for `--index-url`."""

    line: Line
    url: str
    instead: bool


def index_line(line: Line, option: str, url: str) -> IndexLine:
    """Read an index option, without the credential in its address."""
    parts = split(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return IndexLine(line, bare, option == "--index-url")


def named(
    given: Iterable[IndexLine], requirements: Sequence[Requirement], around: Surroundings
) -> tuple[tuple[PackageIndex, ...], list[NotTaken]]:
    """Return the index for the packages with a local version (`2.5.1+cpu`), and what is refused.

    Only one index besides those in use can be it: with two, each could answer for the other's packages (dependency
    confusion). `--index-url` means every package of the list, so all must have a local version.
    """
    markers = around.python.markers
    requirements = [each for each in requirements if not each.marker or each.marker.evaluate(markers)]
    foreign = {each.url: each for each in given if not around.known(each.url)}
    local = frozenset(str(canonicalize_name(each.name)) for each in requirements if _is_local(each))
    names = frozenset(str(canonicalize_name(each.name)) for each in requirements if not each.url)
    if not foreign:
        return (), []
    (url, only), *others = foreign.items()
    if not others and url.startswith("https://") and local and (not only.instead or local == names):
        return (PackageIndex(url, local),), []
    return (), [_refusal(each, local if not each.instead and local else names) for each in foreign.values()]


def _is_local(requirement: Requirement) -> bool:
    """Tell whether it is pinned to a local version (PEP 440), which the public index never has."""
    return any(each.operator in ("==", "===") and "+" in each.version for each in requirement.specifier)


def _refusal(index: IndexLine, names: Iterable[str]) -> NotTaken:
    likely = _PYTORCH & frozenset(names) if "download.pytorch.org" in index.url else frozenset()
    listed = " ".join(sorted(likely or names)) or "NAME"
    if not index.url.startswith("https://"):
        return NotTaken(
            f"{index.line.place}: the index {index.url} isn't an https address, so an image can't use it.",
            fix="Publish its packages to the feed, and take the line out.",
        )
    return NotTaken(
        f"{index.line.place}: {index.url} is another index than those in use, and nothing says for which packages.",
        cause="pip would ask it for every name, so that a package there could take the place of another of that name.",
        fix=f"Take the line out, and name its packages: `package-indexes`: {index.url} {listed}",
    )
