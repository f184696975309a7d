"""Where the packages of a run come from: what inputs and projects say, and what the feed has."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from packaging.utils import canonicalize_name

from ..environment.requirements import Requirements
from ..environment.sources import Sources
from ..feed.artifacts import Facts
from ..feed.index import Index
from ..inputs.step import Inputs
from ..model.declared import NOTHING, Declared
from ..model.package_index import PackageIndex
from ..model.wheel import Pin
from ..origins import checkout
from ..origins.declared import PUBLIC, Origin, Target
from ..origins.declared import Declared as Tables
from ..origins.settle import Chosen, Given, settle
from ..origins.tables import at


def choose(
    inputs: Inputs, needs: Requirements, facts: Facts, say: Callable[[str], None], asked: Declared = NOTHING
) -> Chosen:
    """Return which indexes serve which packages: by the inputs, their lists, the team's lock, projects' tables.

    Raises SourceNotFollowed, TwoIndexes and IndexUnusable for what is required directly and can't be had so.
    """
    folders = [Path(each) for each in inputs.package_dir]
    if inputs.wheel:
        folders = checkout.of_wheels([each.project for each in needs.wheels], Path())
    named, built = (*inputs.named_indexes, *asked.indexes), not inputs.wheel
    given = Given(named, inputs.feed, inputs.feed_only, built, inputs.from_source, inputs.from_commit)
    tables = checkout.read(folders, Target(needs.python.markers, _extras(needs).union(*asked.groups.values())))
    chosen = settle(Tables(tuple(_of_lock(needs, named, tables.origins))) + tables, given)
    for sentence in chosen.said:
        say(f"       {sentence}")
    direct = needs.direct - needs.own
    chosen.refuse(direct - _published(inputs, facts, set(chosen.bars(direct))))
    return chosen


def _of_lock(needs: Requirements, named: Iterable[PackageIndex], tables: Sequence[Origin]) -> Iterator[Origin]:
    """Yield where the team's lock takes packages from, if it isn't the public index, or if something else is said.

    A table says better than the lock which folder or address it is.
    """
    for each in needs.team.packages.values() if needs.team else ():
        said = any(origin.name == each.name for origin in tables)
        contested = said or any(index.serves(each.name) for index in named)
        silent = not each.place or (each.place == PUBLIC and not contested)
        if silent or (said and each.kind in ("path", "url")) or each.name in needs.own | needs.addresses.keys():
            continue
        folder = at(Path(), each.place) if each.kind == "path" else None
        label = needs.team.label if needs.team else ""
        yield Origin(each.name, each.kind, each.place, label, each.detail, folder, each.subdirectory)


def sources(inputs: Inputs, facts: Facts, chosen: Chosen, until: str = "") -> Sources:
    """Return the sources for the resolver; uploads count until the time `until`."""
    known = facts.published
    return Sources(
        inputs.feed,
        inputs.feed_token,
        known if known is None else known | chosen.from_feed,
        inputs.feed_only,
        chosen.indexes,
        chosen.general,
        chosen.default,
        "" if inputs.feed_only else until,  # a feed tells no upload times
    )


def check(chosen: Chosen, pins: Sequence[Pin], own: AbstractSet[str], facts: Facts) -> None:
    """Raise the errors of `choose` for what turned up deeper in the lock and isn't the feed's own.

    With `index` only the feed gives what its upstream has, too.
    """
    others = (pin for pin in pins if not pin.index and pin.name not in own | (facts.published or frozenset()))
    chosen.refuse(pin.name for pin in others if facts.published is not None or not pin.private)


def told(pins: Sequence[Pin]) -> Iterator[str]:
    """Yield a line about each index beside the feed and the public one, with the packages that come from it."""
    for place in sorted({pin.index for pin in pins} - {""}):
        yield f"{', '.join(pin.name for pin in pins if pin.index == place)} from {place}"


def unused(inputs: Inputs, pins: Sequence[Pin]) -> Iterator[str]:
    """Yield a warning for what the inputs bind to an index and the lock doesn't have: a name may be misspelt."""
    names = {pin.name for pin in pins}
    for each in inputs.package_indexes:
        idle = sorted(each.names - names)
        if idle:
            yield f"`package-indexes` takes {', '.join(idle)} from {each.url}, but nothing requires {_it(idle)}."
    if inputs.torch_backend and inputs.torch_backend.names.isdisjoint(names):
        yield "`torch-backend` is set, but nothing requires PyTorch."


def _it(names: Sequence[str]) -> str:
    return "them" if len(names) > 1 else "it"


def _extras(needs: Requirements) -> frozenset[str]:
    """Return the extras of our own packages that the requirements name."""
    ours = (each for each in needs.more if canonicalize_name(each.name) in needs.own)
    return frozenset(canonicalize_name(extra) for each in ours for extra in each.extras)


def _published(inputs: Inputs, facts: Facts, questioned: set[str]) -> set[str]:
    """Return the names that the feed has of its own; where it lists none, it is asked for those in question."""
    if facts.published is not None or not inputs.feed:
        return set(facts.published or ())
    index = Index(inputs.feed, inputs.feed_token)
    return {name for name in questioned if index.page(name).files}
