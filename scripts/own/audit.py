"""Ask OSV, the public database of advisories, for all that the repository's locks pin."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from amlwheel.advisories import osv
from amlwheel.advisories.findings import findings, unknown
from amlwheel.model.advisory import Package

from own.locks import locks, read

WITHIN = 120.0  # seconds: nobody waits for it, as for a release
# Ids of advisories that are accepted, each with its reason. One that nothing has is an error: take it out.
ACCEPTED: Mapping[str, str] = {}


def audit(root: Path, accepted: Mapping[str, str] = ACCEPTED) -> tuple[list[str], int]:
    """Return the lines to print, and the exit status: 0, 1 for what nobody accepts, 2 if the database doesn't say."""
    found: dict[Package, set[str]] = defaultdict(set)
    for lock in locks(root):
        for pin in read(lock):
            found[pin.package].add(lock.relative_to(root).as_posix())
    osv.WITHIN = WITHIN
    try:
        known = findings(osv.Question(found).answer(), accepted)
    except osv.NoAnswer as error:
        return [f"not audited: {error}"], 2
    left = unknown(known, accepted)
    lines = [f"{each.text} {each.link}{_where(each.accepted, found[each.package])}" for each in known]
    lines += [f"{each} is accepted, but no locked package has it: take it out of scripts/own/audit.py" for each in left]
    open_ = sum(not each.accepted for each in known)
    count = f"{len(found)} packages in {len(list(locks(root)))} locks"
    return [*lines, f"{count}: {open_} known vulnerabilities, {len(known) - open_} accepted"], int(bool(open_ or left))


def _where(accepted: bool, places: set[str]) -> str:  # noqa: FBT001  # one of two words
    return f" ({'accepted, ' if accepted else ''}{', '.join(sorted(places))})"
