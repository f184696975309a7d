"""Until when a file must have been uploaded to count: what `exclude-newer` says, and what it means in one run."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..errors.environment import UploadedLater

Upload = tuple[str, datetime]
"""The version of a package, and when it was uploaded."""
VARIABLE = "UV_EXCLUDE_NEWER"
"""The variable by which uv learns of the limit where it installs what a build requires."""

_TIME = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)"  # RFC 3339, section 5.6
_PART = r"(\d{1,6}) ?(weeks?|wks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m)\b"  # words that uv knows as well
_ISO = r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?)?"  # ISO 8601
_LONGEST = timedelta(weeks=52 * 40)  # no index is as old
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


@dataclass(frozen=True)
class Newer:
    """What `exclude-newer` says: a time `at`, or how long `before` the commit (`said` so); neither: no limit."""

    at: datetime | None = None
    before: timedelta | None = None
    said: str = ""


@dataclass(frozen=True)
class Limit:
    """The limit of one run: files uploaded later than `time` don't count; without a time all do. `why` is for people.

    `asked`: somebody wrote a time or a duration, and counts on it.
    """

    time: datetime | None = None
    why: str = "nothing was said"
    asked: bool = False

    @property
    def text(self) -> str:
        """The time as uv reads it (RFC 3339, in UTC); empty without a limit."""
        return rfc3339(self.time) if self.time else ""

    @property
    def variables(self) -> dict[str, str]:
        """The variables that put a build's requirements under the limit."""
        return {VARIABLE: self.text} if self.time else {}


NO_LIMIT = Limit()


def rfc3339(time: datetime) -> str:
    """Return a time as text, in UTC."""
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def parse(text: str) -> Newer:
    """Read `commit`, `none`, an RFC 3339 time or a duration; raise ValueError for what is neither."""
    if text in ("none", "commit"):
        return Newer(before=timedelta() if text == "commit" else None)
    if re.fullmatch(_TIME, text, re.ASCII):
        return Newer(at=_read(text))
    return Newer(before=_duration(text), said=text)


def later(output: str) -> dict[str, Upload]:
    """Return what uv says to have been uploaded after the limit, by name.

    `output` has uv's words without their spaces; they are those of the uv that is locked for the step.
    """
    pattern = r"`([a-z0-9-]+)`wasfilteredby`exclude-newer`[^`]*?(?:isv|,v)([^,`]+),(?:was)?publishedat([^`]+?Z)\."
    return {name: (version, _read(time)) for name, version, time in re.findall(pattern, output)}


def late(packages: Iterable[Mapping[str, Any]], until: str) -> dict[str, Upload]:
    """Return what was uploaded later than `until`, by name; `packages` are those of a pylock.toml (PEP 751)."""
    found = {
        str(each["name"]): (str(each["version"]), file["upload-time"])
        for each in packages
        for file in [*each.get("wheels", ()), *filter(None, [each.get("sdist")])]
        if "upload-time" in file
    }
    return {name: (version, time) for name, (version, time) in found.items() if time > _read(until)}


def behind(times: Iterable[datetime], wait: timedelta = timedelta()) -> str:
    """Return the first second after the last of `times`, or some time later, but no time to come."""
    now = datetime.now(timezone.utc)
    return rfc3339(min(max(times) + timedelta(seconds=1) + wait, now).replace(microsecond=0))


def too_late(
    whose: str, found: Mapping[str, Upload], until: str, details: str, wait: timedelta = timedelta()
) -> UploadedLater:
    """Return the error for what was `found` too late for the limit `until`, although `whose` requirements need it.

    With a limit that is `wait` behind these uploads it is there.
    """
    then = behind((time for _, time in found.values()), wait)
    shown = ", ".join(f"{name} {version}, uploaded at {rfc3339(time)}" for name, (version, time) in found.items())
    return UploadedLater(
        f"What {whose} needs was uploaded after {until}: {shown}.",
        fix=f"Make a new commit, and leave `exclude-newer` at its default; or set `exclude-newer` to {then}.",
        details=details,
    )


def _read(time: str) -> datetime:
    """Read an RFC 3339 time. Python 3.10 wants a fraction of six digits, and the zone as an offset."""
    plain = re.sub(r"\.(\d+)", lambda match: f".{match[1]:0<6}", time)
    return datetime.fromisoformat(re.sub("[Zz]$", "+00:00", plain))


def _duration(text: str) -> timedelta:
    """Return the length of `7 days`, `1 week 12 hours`, `P7D`; months and years have none."""
    iso = re.fullmatch(_ISO, text, re.ASCII)
    found: Iterable[tuple[str, str]] = (
        zip(iso.groups(default="0"), "wdhm", strict=True) if iso and iso[0][-1] not in "PT" else []
    )
    if re.fullmatch(rf"{_PART}([, ]+{_PART})*", text, re.ASCII):
        found = re.findall(_PART, text, re.ASCII)
    parts = [int(number) * _UNITS[unit[0]] for number, unit in found]
    if not parts or sum(parts, timedelta()) > _LONGEST:
        raise ValueError(text)
    return sum(parts, timedelta())
