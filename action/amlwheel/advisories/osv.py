"""OSV, the public database of advisories: which of them do these versions of packages have?

All packages are asked for at once (`POST /v1/querybatch`, which answers ids alone), then each id for its record
(`GET /v1/vulns/ID`): google.github.io/osv.dev/api, and `uv audit` asks the same. A record's format is ossf.github.io/
osv-schema. What doesn't follow it counts as no answer: a gateway's page says nothing about vulnerabilities.
"""

import json
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import TimeoutError as NotDone
from functools import partial
from typing import Any
from urllib.parse import quote

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..errors.base import NoNetwork, TooSlow
from ..model.advisory import ID, SEVERITIES, Advisory, Package
from ..plan.observe import in_background
from ..transport import http

HOST = "api.osv.dev"
WITHIN = 5.0  # seconds for everything
_BATCH = 1000  # queries in one request: gcp/api/server.py of google/osv.dev, _MAX_BATCH_QUERY
_LARGEST = 8 * 2**20  # bytes of one answer; a record has some ten thousand
_AT_ONCE = 16
_ID = re.compile(ID, re.ASCII)
_Answer = dict[Package, tuple[Advisory, ...]]


class NoAnswer(Exception):  # noqa: N818  # nothing fails by it
    """The database doesn't say; the text tells why, after the words "not audited"."""


class _OtherFormatError(Exception):
    """An answer that isn't OSV's; the text goes behind the words "the database answered"."""


class Question:
    """A question about packages, on its way from the moment when it is made; nobody waits longer than WITHIN for it."""

    def __init__(self, packages: Iterable[Package]) -> None:
        """Ask for `packages`, in threads of its own."""
        self._until = time.monotonic() + WITHIN
        self._ids: dict[Package, list[str]] = {}
        self._found = in_background(partial(self._ask, sorted(packages)))

    def answer(self) -> _Answer:
        """Return the advisories of each package that has some, without withdrawn ones; raise NoAnswer."""
        try:
            return self._found.result(max(self._until - time.monotonic(), 0))
        except (NotDone, TooSlow):
            why = f"{HOST} gave no whole answer within {WITHIN:.0f} s"
        except NoNetwork:
            why = f"there is no connection to {HOST}"
        except _OtherFormatError as error:
            why = f"{HOST} answered {error}"
        known = [f"{name} for {each.name} {each.version}" for each, ids in self._ids.items() for name in ids]
        raise NoAnswer(why + (f", but it has {', '.join(known)}"[:1000] if known else "")) from None

    def _ask(self, packages: Sequence[Package]) -> _Answer:
        found: dict[Package, list[str]] = {each: [] for each in packages}
        for start in range(0, len(packages), _BATCH):
            self._add(found, packages[start : start + _BATCH])
        self._ids = {each: ids for each, ids in found.items() if ids}
        records = self._records(sorted({name for ids in found.values() for name in ids}))
        named = {each: tuple(filter(None, map(records.__getitem__, ids))) for each, ids in self._ids.items()}
        return {each: advisories for each, advisories in named.items() if advisories}

    def _add(self, found: dict[Package, list[str]], packages: Sequence[Package]) -> None:
        """Ask for the ids of `packages`, page by page."""
        pages = dict.fromkeys(packages, "")
        while pages:
            queries = [_query(each, token) for each, token in pages.items()]
            results = _part(self._get("querybatch", {"queries": queries}), "results", list)
            if len(results) != len(pages):
                raise _OtherFormatError("another number of packages")
            following = {}
            for each, result in zip(pages, results, strict=True):
                found[each] += [_id(_part(one, "id", str)) for one in _part(result, "vulns", list)]
                following[each] = _part(result, "next_page_token", str)
            pages = {each: token for each, token in following.items() if token}

    def _records(self, names: Sequence[str]) -> dict[str, Advisory | None]:
        """Return the record of each id; None for a withdrawn one."""
        starts = range(min(_AT_ONCE, len(names)))
        shares = [in_background(partial(self._share, names[start::_AT_ONCE])) for start in starts]
        return {name: record for share in shares for name, record in share.result().items()}

    def _share(self, names: Sequence[str]) -> dict[str, Advisory | None]:
        return {name: _read(self._get(f"vulns/{quote(name)}")) for name in names}

    def _get(self, path: str, body: object = None) -> Any:  # noqa: ANN401  # JSON
        status, content = http.ask(f"https://{HOST}/v1/{path}", until=self._until, most=_LARGEST, body=body)
        if status != 200:  # noqa: PLR2004
            raise _OtherFormatError(str(status))
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise _OtherFormatError("no JSON") from None


def _query(package: Package, token: str) -> dict[str, Any]:
    page = {"page_token": token} if token else {}
    return {"package": {"name": package.name, "ecosystem": package.ecosystem}, "version": package.version, **page}


def _read(record: object) -> Advisory | None:
    """Read a record; None for one that was withdrawn.

    Severity: CVSS vectors need a calculation, so only a word counts, which GitHub's records have.
    """
    if _part(record, "withdrawn", str):
        return None
    word = _part(_part(record, "database_specific", dict), "severity", str).lower().replace("moderate", "medium")
    fixed: dict[str, tuple[Version, ...]] = {}
    for each in _part(record, "affected", list):
        package = _part(each, "package", dict)
        if _part(package, "ecosystem", str) == "PyPI":
            name = canonicalize_name(_part(package, "name", str))
            fixed[name] = (*fixed.get(name, ()), *_fixed(each))
    aliases = [each for each in _part(record, "aliases", list) if isinstance(each, str) and _ID.fullmatch(each)]
    return Advisory(_id(_part(record, "id", str)), frozenset(aliases), word if word in SEVERITIES else "", fixed)


def _fixed(affected: object) -> Iterable[Version]:
    """Yield the versions that end a range; those of git ranges are commits."""
    for each in _part(affected, "ranges", list):
        for event in _part(each, "events", list) if _part(each, "type", str) == "ECOSYSTEM" else ():
            try:
                yield Version(_part(event, "fixed", str))
            except InvalidVersion:
                continue


def _id(name: str) -> str:
    """Return an id as it is."""
    if len(name) > 100 or not _ID.fullmatch(name):  # noqa: PLR2004
        raise _OtherFormatError("an id of another form")
    return name


def _part(data: object, key: str, kind: type) -> Any:  # noqa: ANN401  # of that kind
    """Return a part of a JSON object, empty where it is absent (or null, as protobuf's JSON may have it)."""
    if not isinstance(data, dict):
        raise _OtherFormatError("another format")
    value = data.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise _OtherFormatError("another format")
    return value
