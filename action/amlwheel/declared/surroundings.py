"""What the reading of a team's files has to know beside them."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors.inputs import BadFeed
from ..model.environment import Python
from ..model.feed import Feed
from ..model.feed_spelling import parse_feed
from ..model.origin import split


@dataclass(frozen=True)
class Surroundings:
    """What lies around the files of one run.

    `packages` are the folders of `package-dir`, from `folder`, in which the step runs. `indexes` are the addresses of
    the public index, of its mirror that this machine uses, and of what `package-indexes` names. `from_source` are the
    normalised names of packages that may be built, or `all`. `image` is `base-image` as it is written.
    `feed_only`: every package comes from the feed. `from_commit`: images build the project's commit and nothing else.
    `names` are the folders of our own packages by their normalised names, as far as they are known before the build.
    """

    folder: Path
    packages: tuple[str, ...]
    python: Python
    feed: Feed | None = None
    indexes: tuple[str, ...] = ()
    from_source: frozenset[str] = frozenset()
    image: str = ""
    feed_only: bool = False
    from_commit: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def known(self, url: str) -> bool:
        """Tell whether `url` (without a credential) is an index that the step uses anyway, in any spelling."""
        return plain(url) in map(plain, self.indexes) or self.is_feed(url)

    def builds(self, name: str) -> bool:
        """Tell whether the package `name` (normalised) may be built from its source."""
        return bool({name, "all"} & self.from_source)

    def is_feed(self, url: str) -> bool:
        """Tell whether `url` is the feed, or the feed as a view of it shows it."""
        with contextlib.suppress(BadFeed):
            return self.feed is not None and parse_feed(url).through(None) == self.feed.through(None)
        return False

    def own(self, path: str, beside: Path) -> str | None:
        """Return the folder of `package-dir` that a path in a requirements file means; None when it is no such folder.

        pip reads paths from where it runs; teams run it in the project's folder, or beside the file.
        """
        for base in (self.folder, beside, *(self.folder / each for each in self.packages)):
            place = (base / path).resolve()
            if is_project(place):
                return next((each for each in self.packages if (self.folder / each).resolve() == place), None)
        return None


def is_project(folder: Path) -> bool:
    """Tell whether pip could install `folder`."""
    return any(os.path.isfile(folder / name) for name in ("pyproject.toml", "setup.py"))  # noqa: PTH113  # any text


def plain(url: str) -> str:
    """Return an index's address in a form that compares."""
    parts = split(url)
    return f"{parts.netloc.rpartition('@')[2].lower()}{parts.path.rstrip('/')}"
