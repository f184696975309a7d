"""Until when a file must have been uploaded to count in this run: the commit's time, unless the user says otherwise."""

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..errors.environment import LimitsNothing
from ..errors.inputs import BadInput
from ..inputs.step import Inputs
from ..model.limit import Limit, Newer, rfc3339
from ..model.lock import Lock
from ..origins import uv
from ..transport import tools


def of_checkout(inputs: Inputs, now: datetime) -> Limit:
    """Return the limit for what is checked out: by its commit, if that is all of the code.

    Wheels that were built earlier count as those of the commit that is checked out where the step runs: their own dates
    can be anything. Raises BadInput.
    """
    folders = [Path()] if inputs.wheel else [Path(each) for each in inputs.package_dir]
    times = list(map(tools.committed, folders))
    doubt = "the checkout has uncommitted changes" if any(map(tools.changes, folders)) else ""
    return of(inputs.exclude_newer, now, max(times) if all(times) else "", doubt)


def of(newer: Newer, now: datetime, committed: str, doubt: str = "") -> Limit:
    """Return what `newer` means for a commit that was made at `committed` (in seconds; empty: there is none).

    With a `doubt` about the commit its time doesn't count: then a duration is one before `now`, and otherwise there is
    no limit. Raises BadInput for a time to come, which would mean something else in the next run.
    """
    if newer.at:
        if newer.at > now:
            raise BadInput(
                f"`exclude-newer` {rfc3339(newer.at)} is in the future.",
                cause="The year or the time zone is wrong, or the machine's clock is.",
                fix="Set `exclude-newer` to commit, or to a time that has passed.",
            )
        return Limit(newer.at, "the time that was given", asked=True)
    if newer.before is None:
        return Limit(why="none is wanted")
    made = datetime.fromtimestamp(int(committed or 0), timezone.utc)
    doubt = doubt if committed else "no commit is checked out"
    if not doubt and made > now:
        doubt = "the commit's time is in the future"
    if not newer.before:
        return Limit(why=doubt) if doubt else Limit(made, "the time of the commit")
    time = (now.replace(microsecond=0) if doubt else made) - newer.before
    return Limit(time, f"{newer.said} before {f'this run, since {doubt}' if doubt else 'the commit'}", asked=True)


def told(limit: Limit, locked: Lock, *, feed_only: bool, followed: str = "") -> list[str]:
    """Return what people should know about the limit: the time, and what it doesn't hold for, as a lock `followed`."""
    if not limit.time:
        return [f"No limit to the time of uploads: {limit.why}"]
    if feed_only:
        return [f"No limit to the time of uploads but for builds ({limit.text}): feeds tell no upload times"]
    always = f"Files uploaded until {limit.text} count ({limit.why}), and whatever the feed has"
    if followed:
        always = f"{always} or {followed} names"
    return [always, *(f"no limit for {each}" for each in _unlimited(locked))]


def unread(folders: Sequence[str]) -> list[str]:
    """Return a sentence for each project whose own settings have a limit for uv: what they say is for developers."""
    said = {folder: uv.cutoff(Path(folder)) for folder in folders}
    return [
        f"{folder}: exclude-newer = {text!r} of uv's settings isn't used; the step has an input of that name"
        for folder, text in said.items()
        if text
    ]


def check(limit: Limit, locked: Lock) -> None:
    """Raise LimitsNothing for a limit that somebody wrote, where the public index has no upload times at all."""
    names = _places(locked).get("", ())
    if limit.asked and names and set(names) <= set(locked.untimed):
        raise LimitsNothing(f"The public index tells no upload times, neither of {names[0]} nor of another package.")


def _unlimited(locked: Lock) -> list[str]:
    found = []
    for place, names in _places(locked).items():
        some = [name for name in names if name in locked.untimed]
        label = f"index {place}" if place else "the public index"
        if some and len(some) == len(names):
            found.append(f"{label}: it has no upload times")
        elif some:
            found.append(f"{', '.join(some)}, of which {label} has no upload times")
    return found


def _places(locked: Lock) -> dict[str, Sequence[str]]:
    """Return which packages come from which index (empty: the public one), without those that the feed serves."""
    public = [pin for pin in locked.pins if not pin.private and not pin.url]
    return {
        place: [pin.name for pin in public if pin.index == place] for place in sorted({pin.index for pin in public})
    }
