"""Where packages may come from, and how uv reaches those places."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..model.feed import Feed
from ..model.package_index import PackageIndex
from ..model.secret import Secret
from ..transport import http
from .homes import Homes


@dataclass(frozen=True)
class Door:
    """Another address of the feed's index, with uv's `variables` for it. `original` puts the feed's own into a text."""

    url: str
    variables: Mapping[str, str]
    original: Callable[[str], str]


@dataclass(frozen=True)
class Sources:
    """Where packages may come from: the public index, and the `feed` if there is one; our wheels come from neither.

    `published` are the names that are the feed's own. It is None when they aren't known; then the feed is asked first
    for every name. With `only`, everything but our wheels comes from the feed. `indexes` are those that are named for
    certain packages; they come before all else. `general` are asked before the public index for every other name, and
    `default` takes its place. Files that were uploaded later than `until` (RFC 3339; empty: no limit) don't count; this
    isn't for packages of the feed, whose pages tell no upload times. `door` is where uv gets what the
    feed has, if not from itself: then uv gets no token of it.
    """

    feed: Feed | None
    token: Secret
    published: frozenset[str] | None
    only: bool
    indexes: tuple[PackageIndex, ...] = ()
    general: tuple[str, ...] = ()
    default: str = ""
    until: str = ""
    door: Door | None = None

    @property
    def feed_url(self) -> str:
        """The address at which uv finds the feed's index; empty without a feed."""
        return self.door.url if self.door else self.feed.index_url if self.feed else ""

    def variables(self, folder: Path) -> dict[str, str]:
        """Return uv's variables for the feed. A door's address is new in each run: so the cache is in `folder` then."""
        if self.door:
            return {**self.door.variables, "UV_CACHE_DIR": str(folder / "cache")}
        return dict(zip(("UV_INDEX_FEED_USERNAME", "UV_INDEX_FEED_PASSWORD"), http.login(self.token), strict=True))

    def original(self, text: str) -> str:
        """Return what uv wrote with the feed's own addresses in place of the door's."""
        return self.door.original(text) if self.door else text

    def homes(self, own: Iterable[str], built: Iterable[str] = ()) -> Homes:
        """Return which index alone serves which package: none our `own`, and not the feed what is `built`."""
        published = (frozenset() if self.only else self.published or frozenset()) - frozenset(built)
        return Homes(frozenset(own), published, self.indexes, self.general, self.default, self.feed)
