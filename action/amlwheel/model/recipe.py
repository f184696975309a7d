"""The files from which a service would build an image, beside the environment that was registered.

They hold credentials. So of a foreign line only little is ever told: what it has in common with ours, the name in front
of an operator, how many have none, and the kind of credential that an address of ours got.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from .environment import Environment
from .secret import looks_secret

NO_CREDENTIAL, TOKEN = "no credential", "a token as the user, without a password"
PASSWORD, SIGNATURE = "a user and a password", "a signature"
MOST = 5  # lines that are told
# pip's options for requirements files (pip, req_file.py).
OPTIONS = frozenset(
    "-i --index-url --extra-index-url --no-index -c --constraint -r --requirement -e --editable -f --find-links "
    "--no-binary --only-binary --prefer-binary --require-hashes --pre --trusted-host --use-feature".split()
)
_ADDRESS = re.compile(r"https?://[^\s'\"]+", re.IGNORECASE)
_OPTION = re.compile(r"(--?[a-z][a-z-]*)=(?=\S)")
_NAMED = re.compile(r"([A-Za-z0-9][\w.-]{0,99})\s*(?:[=<>!~]=|[<>\[]|@\s)", re.ASCII)


@dataclass(frozen=True)
class Recipe:
    """The builder's own files: the Dockerfile (empty without one) and the conda spec as data. Both may hold secrets."""

    dockerfile: str = field(repr=False)
    spec: object = field(repr=False)


@dataclass(frozen=True)
class Beside:
    """A recipe beside what was registered.

    `lacks` are lines of ours that it leaves out or changes, `adds` requirements or hashes that it has more, `more`
    anything else that it has more. `places` are hosts with the kind of credential, `bare` our addresses that need one
    and have none.
    """

    lacks: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Line:
    """A line for pip without credentials; `kinds` are those of its addresses, by address."""

    head: str = field(repr=False)
    hashes: frozenset[str] = field(repr=False)
    kinds: tuple[tuple[str, str], ...] = field(repr=False, compare=False)

    @classmethod
    def read(cls, text: str) -> "_Line":
        kinds: list[tuple[str, str]] = []

        def plain(found: re.Match[str]) -> str:
            kinds.append(_plain(found[0]))
            return kinds[-1][0]

        words = _ADDRESS.sub(plain, _OPTION.sub(r"\1 ", text, count=1) if text.startswith("-") else text).split()
        hashes = frozenset(word for word in words if word.startswith("--hash="))
        return cls(" ".join(word for word in words if word not in hashes and word != "\\"), hashes, tuple(kinds))


def _plain(address: str) -> tuple[str, str]:
    """Return an address without its credential, and the kind of that. One that can't be read is as good as none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", NO_CREDENTIAL
    user, _, host = parts.netloc.rpartition("@")
    signed = "sig" in parse_qs(parts.query)
    kind = SIGNATURE if signed else PASSWORD if user.partition(":")[2] else TOKEN if user else NO_CREDENTIAL
    bare = parts._replace(netloc=host.lower(), query="" if signed else parts.query)
    return unquote(bare.geturl()).rstrip("/"), kind


def compare(ours: Environment, recipe: Recipe, needs: Callable[[str], bool]) -> Beside:
    """Compare; `needs` tells of an address whether a credential belongs into it."""
    theirs = list(map(_Line.read, _pip(recipe.spec)))
    wanted = list(map(_Line.read, ours.pip))
    lacks = [*_other_image(ours, recipe.dockerfile), *_lacking_conda(ours.spec, recipe.spec), *_lacking(wanted, theirs)]
    heads = {line.head for line in wanted}
    other = [line.head for line in theirs if line.head not in heads]
    conda = Counter(_conda(recipe.spec)) - Counter(_conda(ours.spec))
    return Beside(
        tuple(lacks),
        (*_names(line for line in other if not line.startswith("-")), *_more_hashes(wanted, theirs)),
        (*_options(line for line in other if line.startswith("-")), *_names(conda)),
        *_places(wanted, theirs, needs),
    )


def _places(
    wanted: Sequence[_Line], theirs: Sequence[_Line], needs: Callable[[str], bool]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the hosts of our addresses with the kind of credential that each got, and those that miss theirs."""
    known = {place for line in wanted for place, _ in line.kinds}
    got = [pair for line in theirs for pair in line.kinds if pair[0] in known]
    places = dict.fromkeys(f"{urlsplit(place).hostname} with {kind}" for place, kind in got)
    bare = dict.fromkeys(place for place, kind in got if kind == NO_CREDENTIAL and needs(place))
    return tuple(places), tuple(bare)


def _other_image(ours: Environment, dockerfile: str) -> Iterator[str]:
    if dockerfile and ours.image.digest not in dockerfile:
        yield f"the base image's digest {ours.image.digest[:19]}…"


def _lacking_conda(ours: object, theirs: object) -> Iterator[str]:
    yield from Counter(_conda(ours)) - Counter(_conda(theirs))


def _lacking(wanted: Sequence[_Line], theirs: Sequence[_Line]) -> Iterator[str]:
    known = {line.head: line.hashes for line in theirs}
    for line in wanted:
        if line.head not in known:
            yield line.head
        elif line.hashes - known[line.head]:
            yield f"the sha256 of {line.head}"


def _options(lines: Iterable[str]) -> tuple[str, ...]:
    names = (line.partition(" ")[0] for line in lines)
    return tuple(name if name in OPTIONS else "an unknown option" for name in names)


def _more_hashes(wanted: Sequence[_Line], theirs: Sequence[_Line]) -> Iterator[str]:
    known = {line.head: line.hashes for line in wanted}
    yield from (f"another sha256 of {line.head}" for line in theirs if line.hashes - known.get(line.head, line.hashes))


def _names(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the names of foreign lines; those that don't show one are only counted, since they could be anything."""
    found = [_NAMED.match(line) for line in lines]
    names = [each[1] for each in found if each and not looks_secret(each[1])]
    unnamed = len(found) - len(names)
    return (*names, *([f"{unnamed} line(s) without a name"] if unnamed else []))


def _conda(spec: object) -> list[str]:
    """Return the channels and conda's packages of a spec, as text."""
    channels = spec.get("channels") if isinstance(spec, dict) else None
    lines = [f"channel {each}" for each in channels] if isinstance(channels, list) else []
    return lines + ["".join(each.split()) for each in _dependencies(spec) if isinstance(each, str)]


def _pip(spec: object) -> list[str]:
    lists = [each["pip"] for each in _dependencies(spec) if isinstance(each, dict) and "pip" in each]
    return [str(line).strip() for each in lists if isinstance(each, list) for line in each]


def _dependencies(spec: object) -> list[object]:
    found = spec.get("dependencies") if isinstance(spec, dict) else None
    return found if isinstance(found, list) else []


def told(lines: Sequence[str]) -> str:
    """Return the first lines, and how many there are beside them."""
    more = len(lines) - MOST
    return ", ".join(lines[:MOST]) + (f" and {more} more" if more > 0 else "")
