"""Which index alone may serve a package; what uv is told of it, and what it says in the end."""

import json
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors.origins import IndexUnusable
from ..model.feed import Feed
from ..model.package_index import PackageIndex, same_address
from ..model.secret import Secret
from ..model.wheel import Pin
from ..transport import http

_FEED = "feed"


@dataclass(frozen=True)
class Homes:
    """The packages that have one index of their own: an index that is named for them, or the feed.

    `published` are the names that the feed alone serves. Our wheels, `own`, come from no index. For all other packages
    the `general` indexes are asked before the public one, whose place `default` takes.
    """

    own: frozenset[str]
    published: frozenset[str]
    indexes: tuple[PackageIndex, ...] = ()
    general: tuple[str, ...] = ()
    default: str = ""
    feed: Feed | None = None

    def label(self, name: str) -> str:
        """Return under which name uv knows the index that alone may serve `name`; empty if several may."""
        if name in self.own:
            return ""
        number = next((number for number, each in enumerate(self.indexes) if each.serves(name)), None)
        if number is not None:
            return f"index-{number}"
        return _FEED if name in self.published else ""

    def url(self, name: str) -> str:
        """Return the address of the index that is named for `name`; empty if there is none, or it is the feed."""
        return next((each.url for each in self.indexes if each.serves(name)), "") if name not in self.own else ""

    def of_feed(self, name: str) -> bool:
        """Tell whether the feed alone serves `name`."""
        return self.label(name) == _FEED

    def of(self, names: Iterable[str]) -> set[str]:
        """Return those of `names` that have an index of their own."""
        return {name for name in names if self.label(name)}

    @property
    def tables(self) -> str:
        """The named indexes as uv reads them in a project file. Every JSON string is also a TOML string."""
        return "".join(_table(f"index-{number}", each.url) for number, each in enumerate(self.indexes))

    @property
    def declared(self) -> bool:
        """Whether there is an index beside the feed and the public one."""
        return bool(self.indexes or self.general or self.default)

    @property
    def options(self) -> list[str]:
        """The indexes for all packages, as options of uv; it takes the first that has the package."""
        asked = [word for each in self.general for word in ("--index", each)]
        return [*asked, *(("--default-index", self.default) if self.default else ())]

    def access(self, token: Secret) -> dict[str, str]:
        """Return the variables that give uv the feed's `token` for named indexes that its connection covers."""
        user, password = http.login(token)
        found: dict[str, str] = {}
        for number, each in enumerate(self.indexes):
            if _covers(self.feed, each.url):
                found |= {f"UV_INDEX_INDEX_{number}_USERNAME": user, f"UV_INDEX_INDEX_{number}_PASSWORD": password}
        return found

    def told(self, names: Iterable[str]) -> list[str]:
        """Return a sentence for each index that serves some of `names` alone."""
        places: dict[str, list[str]] = {}
        for name in sorted(names):
            places.setdefault(self.url(name) or "the feed", []).append(name)
        return [f"from {place}, not the public index: {', '.join(some)}" for place, some in places.items()]

    def missing(self, names: Iterable[str], required: Container[str], token: Secret) -> set[str]:
        """Return those of `names` of which their named index has no page; raise IndexUnusable for a `required` one.

        uv reports every refusal in the words for an unknown package. An index on plain storage answers 403 for those.
        """
        return {name for name in sorted(names) if self.url(name) and not self._has(name, required, token)}

    def _has(self, name: str, required: Container[str], token: Secret) -> bool:
        index = self.url(name)
        answer = http.get(f"{index.rstrip('/')}/{name}/", token=token if _covers(self.feed, index) else None)
        if answer.status_code == 401:  # noqa: PLR2004
            raise IndexUnusable(
                f"{index}, which is named for {name}, answered 401: it wants a sign-in.",
                cause="The step has one token for packages, and images one connection: those of the feed.",
                fix=f"Publish {name} to the feed, and name no other index for it.",
            )
        if answer.status_code not in (403, 404):
            return True
        if name in required:
            raise IndexUnusable(
                f"{index}, which is named for {name}, has no such package: {answer.status_code}.",
                cause="The address is that of another index, or the package isn't there.",
                fix=f"Name the index that has {name}; none, if it is the public one.",
            )
        return False


class Binding:
    """Which packages uv is told to take from an index of their own, from one run of it to the next.

    It binds only what the project itself requires, so what turns up deeper is added there, and uv runs again.
    """

    def __init__(self, homes: Homes, direct: set[str], token: Secret, echo: Callable[[str], None]) -> None:
        """Begin with the `direct` requirements."""
        self.homes, self._direct, self._token, self._echo = homes, direct, token, echo
        self.bound = homes.of(direct)
        self._needless: set[str] = set()  # bound because a failure named them, and nothing requires them
        self._absent: set[str] = set()  # their index doesn't have them; what required them may be gone by now

    @property
    def from_feed(self) -> set[str]:
        """The bound packages that the feed serves."""
        return set(filter(self.homes.of_feed, self.bound))

    @property
    def deep(self) -> set[str]:
        """The bound packages that aren't required directly."""
        return self.bound - self._direct - self._needless

    def drop(self, names: set[str]) -> None:
        """Take out packages that nothing requires."""
        self._needless |= names
        self.bound -= names

    def solved(self, names: Iterable[str]) -> bool:
        """Bind what a solution has; tell whether uv has to run again. Raises IndexUnusable for what isn't there."""
        named = self.homes.of(names)
        self.homes.missing(named & self._absent, named, self._token)
        return self._bind(named)

    def failed(self, output: str) -> bool:
        """Bind what uv names in a failure, or take out what its index doesn't have; tell whether to run it again."""
        gone = self.homes.missing(self.bound, self._direct, self._token)
        self._absent |= gone
        self.bound -= gone
        words = self.homes.of(re.findall(r"[a-z0-9][a-z0-9-]*", output))
        return bool(gone) or self._bind(words - self._needless - self._absent)

    def _bind(self, names: set[str]) -> bool:
        new = names - self.bound
        for sentence in self.homes.told(new):
            self._echo(sentence)
        self.bound |= new
        return bool(new)


def settle(pins: Sequence[Pin], homes: Homes, annotated: str) -> tuple[Pin, ...]:
    """Return `pins` with the index that each comes from, by uv's index annotations.

    Raises IndexUnusable when a package came from another index than the one that is named for it.
    """
    taken = _taken(annotated)
    return tuple(_settled(pin, homes, taken.get(pin.name, "")) for pin in pins)


def _settled(pin: Pin, homes: Homes, taken: str) -> Pin:
    named = homes.url(pin.name)
    if named and not same_address(named, taken):
        raise IndexUnusable(
            f"{pin.name} was to come from {named}, but the resolver took it from {taken or 'elsewhere'}.",
            cause="A bug in amlwheel or in uv.",
            fix=f"Report it; meanwhile, publish {pin.name} to the feed.",
        )
    others = (each for each in (*homes.general, homes.default) if each and same_address(each, taken))
    index = named or next(others, "")
    return replace(pin, index=index, private=False) if index else pin


def _taken(annotated: str) -> Mapping[str, str]:
    """Return the address of the index of each package, from uv's output with `--emit-index-annotation`."""
    return dict(re.findall(r"^([a-z0-9-]+)==\S+.*\n(?:\s+#.*\n)*?\s+# from (\S+)$", annotated, re.MULTILINE))


def _table(name: str, url: str) -> str:
    return f'[[tool.uv.index]]\nname = "{name}"\nurl = {json.dumps(url)}\nexplicit = true\n'


def _covers(feed: Feed | None, url: str) -> bool:
    """Tell whether images use the feed's connection for `url`, too: another feed of its organisation."""
    return feed is not None and (url.rstrip("/") + "/").startswith(feed.target.rstrip("/") + "/")
