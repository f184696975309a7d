"""What the run makes of declared origins: indexes for the resolver, and a stop for what no index can give."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from ..errors.base import StepError, together
from ..errors.inputs import BadFeed
from ..errors.origins import IndexUnusable, TwoIndexes
from ..model.commit import Commit
from ..model.feed import Feed
from ..model.feed_spelling import parse_feed
from ..model.package_index import PackageIndex, same_address, shown, unfit
from .declared import PUBLIC, Declared, General, Origin
from .stops import Way, in_folder, not_a_commit, not_followed


@dataclass(frozen=True)
class Given:
    """What the inputs say: indexes that are `named` for packages, the feed, and whether all comes from the feed.

    `built` tells whether the step builds the wheels, rather than to find them. `from_source` is the input.
    `from_commit`: images are built from the project's commit, and nothing else can be built.
    """

    named: tuple[PackageIndex, ...]
    feed: Feed | None
    only: bool
    built: bool = True
    from_source: frozenset[str] = frozenset()
    from_commit: bool = False

    def builds(self, name: str) -> bool:
        """Tell whether the package may be built from a commit."""
        return bool({name, "all"} & self.from_source)

    @property
    def way(self) -> Way:
        """What a fix depends on."""
        return Way(self.feed.label if self.feed else "", self.built, self.from_commit)


@dataclass
class Chosen:
    """The indexes that the resolver may use, and (`barred`) why no index may be asked for a package, by its name.

    `from_feed` and `public` are names that are said to come from there. `said` are sentences for people. `commits` are
    packages that are to be built, by name.
    """

    indexes: tuple[PackageIndex, ...] = ()
    general: tuple[str, ...] = ()
    default: str = ""
    from_feed: frozenset[str] = frozenset()
    public: frozenset[str] = frozenset()
    said: list[str] = field(default_factory=list)
    barred: dict[str, StepError] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def bind(self, address: str, names: frozenset[str], feed: Feed | None) -> None:
        """Let `names` come from the index at `address`, which may be the feed or the public one."""
        if is_public(address):
            self.public |= names
        elif feed and is_feed(address, feed):
            self.from_feed |= names
        else:
            others = [each for each in self.indexes if not same_address(each.url, address)]
            same = [each for each in self.indexes if same_address(each.url, address)]
            url = same[0].url if same else address
            self.indexes = (*others, PackageIndex(url, names.union(*(each.names for each in same))))

    def knows(self, name: str) -> bool:
        """Tell whether it is said which index `name` comes from."""
        return name in self.from_feed | self.public or any(each.serves(name) for each in self.indexes)

    def bars(self, names: Iterable[str]) -> dict[str, StepError]:
        """Return why those of `names` can't come from an index that can't, by name."""
        found = {name: [why for key, why in self.barred.items() if fnmatchcase(name, key)] for name in sorted({*names})}
        return {name: why[0] for name, why in found.items() if why}

    def refuse(self, names: Iterable[str]) -> None:
        """Raise the errors of those of `names` that no index may be asked for."""
        errors = [*self.bars(names).values()]
        if errors:
            raise together(errors)


def settle(declared: Declared, given: Given) -> Chosen:
    """Return which indexes serve which packages: what the inputs say first, then the projects' tables."""
    chosen = Chosen()
    for each in given.named:
        chosen.bind(each.url, each.names, given.feed)
    _general(declared.general, given, chosen)
    for name in sorted({each.name for each in declared.origins}):
        origins = [each for each in declared.origins if each.name == name]
        problem = _problem(name, origins, given, chosen)
        if problem:
            chosen.barred[name] = problem
        elif chosen.knows(name):
            continue  # the inputs say where it comes from
        elif origins[0].kind == "git":
            chosen.commits[name] = commit(origins[0])
        else:
            chosen.bind(origins[0].place, frozenset([name]), given.feed)
    for name, folder in declared.members.items():
        if not chosen.knows(name):
            chosen.barred.setdefault(name, in_folder(name, folder, given.way))
    return chosen


def _problem(name: str, origins: Sequence[Origin], given: Given, chosen: Chosen) -> StepError | None:
    """Return why `name` can't come from where it is said to; None if it can."""
    first = origins[0]
    named = next((each.url for each in given.named if _overlaps(each, name)), "")
    if named and first.kind != "index":
        return None  # the pipeline has decided otherwise
    for place, where in [(named, "the inputs"), *((each.place, each.table) for each in origins[1:])]:
        if place and not _same(place, first.place):
            return TwoIndexes(
                f"{name} comes from {shown(first.place)} by {first.table}, and from {shown(place)} by {where}.",
                fix=f"Name one of the two for {name} in both places, or in one place alone.",
            )
    if first.kind == "git" and given.builds(name):
        return None if first.one_commit else not_a_commit(first)
    if first.kind != "index":
        return not_followed(first, given.way)
    return _index_problem(first, given, chosen)


def commit(origin: Origin) -> Commit:
    """Return the commit that `origin` names; raise BadRepository for an address that can't be fetched by https."""
    folder = f"#subdirectory={origin.subdirectory}" if origin.subdirectory else ""
    return Commit.parse(origin.name, f"{origin.place}@{origin.detail.removeprefix('rev ')}{folder}")


def _overlaps(index: PackageIndex, name: str) -> bool:
    """Tell whether `index` is named for `name`, or for a package that the pattern `name` means."""
    return index.serves(name) or any(fnmatchcase(each, name) for each in index.names)


def _same(one: str, other: str) -> bool:
    return same_address(shown(one), shown(other)) or (is_public(one) and is_public(other))


def _index_problem(origin: Origin, given: Given, chosen: Chosen) -> StepError | None:
    """Return why the index of `origin` can't be used for its package."""
    name, place = origin.name, origin.place
    if not place:
        return IndexUnusable(
            f"{origin.table} takes {name} from index {origin.detail!r}, which no table defines.",
            cause="The name of the index is misspelt, or it is defined outside the project, in a user's settings.",
            fix=f"Define index {origin.detail!r} with its address in the same file.",
        )
    if is_public(place) and chosen.general:
        return TwoIndexes(
            f"{origin.table} takes {name} from the public index, and {chosen.general[0]} is asked first for all names.",
            fix=f"Make {chosen.general[0]} explicit, and name it for the packages that it has.",
        )
    if is_public(place) or (given.feed and is_feed(place, given.feed)):
        return None
    if unfit(place):
        return _unfit(place, f"{name} by {origin.table}")
    if given.only:
        return TwoIndexes(
            f"{origin.table} takes {name} from {place}, but with `index` only everything comes from the feed.",
            fix=f"Set `index` to extra, or take the index of {name} out of {origin.table}.",
        )
    return None


def _unfit(place: str, what: str) -> IndexUnusable:
    return IndexUnusable(
        f"The index of {what} can't be used: its address, {shown(place)}, {unfit(place)}.",
        cause="Environments show the addresses of their indexes to everybody who may read the workspace.",
        fix=f"Give the index as https://HOST/PATH, without a credential: {shown(place)}."
        if "@" in place
        else "Give the index as https://HOST/PATH, or publish the package to the feed.",
    )


def _general(found: Sequence[General], given: Given, chosen: Chosen) -> None:
    """Take over the indexes for all packages; those behind the public one only serve what is bound to them."""
    for each in found:
        if is_public(each.place):
            if not each.default:
                break
        elif given.feed and is_feed(each.place, given.feed):
            if each.default and not given.only:
                chosen.said.append(
                    f"{each.table} takes all packages from the feed; here public ones come from the public index, "
                    "as long as `index` isn't only."
                )
        elif given.only:
            chosen.said.append(f"{shown(each.place)} of {each.table} isn't asked, since `index` is only.")
        elif unfit(each.place):
            raise _unfit(each.place, f"all packages by {each.table}")
        elif each.default:
            chosen.default = each.place
            chosen.said.append(f"{each.place} takes the place of the public index, by {each.table}.")
        else:
            chosen.general += (each.place,)
            chosen.said.append(f"{each.place} is asked before the public index for every package, by {each.table}.")


def is_public(address: str) -> bool:
    """Tell whether `address` is that of the public index, whose host is known to twine."""
    from twine.utils import DEFAULT_REPOSITORY  # noqa: PLC0415  # takes a while, and few projects need it

    public = str(urlsplit(DEFAULT_REPOSITORY).hostname).removeprefix("upload.")
    host = re.match(r"https?://(?:[^/]*@)?([^/:]+)", address)
    return address == PUBLIC or bool(host and host[1].lower() == public)


def is_feed(address: str, feed: Feed) -> bool:
    """Tell whether `address` is that of the feed, in any of its spellings; a user name makes no difference."""
    try:
        named = parse_feed(re.sub(r"//[^/@:]*@", "//", address))
    except BadFeed:
        return False
    return named.through(None).index_url.lower() == feed.through(None).index_url.lower()
