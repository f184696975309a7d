"""What the lock is made from, put together: what is required, from where, and what has to be built first."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from packaging.requirements import Requirement

from ..build import sdist
from ..environment import addresses, as_locked, lock
from ..environment.requirements import Requirements
from ..errors.base import Several, StepError
from ..errors.environment import LocalVersionElsewhere, NameUnknown, NoWheel, Unsatisfiable, WheelForOtherPython
from ..feed import upstream
from ..feed.index import Index
from ..inputs.step import Inputs
from ..model.declared import Declared
from ..model.lock import Lock
from ..model.wheel import Wheel
from . import doors, limits, needs, origins
from .from_source import FromSource

Resolve = Callable[..., Lock]
"""What does as `lock.resolve` does."""


def lock_all(asked: Declared, wheels: tuple[Wheel, ...], others: FromSource, resolve: Resolve | None = None) -> Lock:
    """Return the lock of `wheels` and of what is `asked` for beside them, each pin as the route brings it.

    `others` builds what has no wheel; `resolve` stands for `lock.resolve`. What is declared by hash must hold.
    """
    inputs, host, access = others.inputs, others.host, others.access
    resolve = resolve or lock.resolve
    team, python = asked.lock, inputs.python_version
    wanted = needs.requirements(asked, wheels, inputs.package_dir, python)
    if team:
        as_locked.check(team, wanted, asked.grouped)
    chosen = origins.choose(inputs, wanted, access.facts, host.say, asked)
    commits = needs.commits(asked, chosen.commits, wanted)
    built = tuple(map(others.commit, commits))
    own = sorted(inputs.from_source & {each.project for each in wheels})
    sdists = inputs.from_source - {each.project for each in (*wheels, *built)}  # uv would refuse wheels of those
    wanted = replace(wanted, wheels=(*wheels, *built), from_source=sdists, builds=not inputs.from_commit)
    fetched = addresses.fetch(wanted.addresses, python)
    sources = origins.sources(inputs, access.facts, chosen, access.limit.text)
    sources = replace(sources, door=doors.door(others.reading, others.environ))
    try:
        build = as_locked.checked(others.sdist, team)
        rest = (sources, _recheck(inputs, wheels[0]), host.say, build)
        locked = resolve(wanted, *rest)
        earlier = _built_earlier(locked) if wanted.every_source else frozenset()
        if earlier:  # from their sdists again, as in the run that published them: the same bytes, kept
            locked = resolve(replace(wanted, from_source=sdists | earlier), *rest)
    except (Unsatisfiable, NameUnknown, NoWheel, WheelForOtherPython, LocalVersionElsewhere, Several) as error:
        raise _explained(error, wanted, asked.grouped, lacking=access.facts.upstream is False) from None
    limits.check(access.limit, locked)
    ours = (*wheels, *built, *locked.built)
    origins.check(chosen, locked.pins, {each.project for each in ours}, access.facts)
    pins = addresses.hold([fetched.get(pin.name, pin) for pin in locked.pins], asked.hashed, python)
    if team:
        pins = as_locked.hold(pins, team, {each.project for each in ours}, python)
    unused = as_locked.left_out(team, (pin.name for pin in pins)) if team else []
    return replace(
        locked,
        pins=access.route.place(pins, ours),
        built=(*built, *locked.built),
        warnings=(*asked.warnings, *unused, *map(_ours, own), *locked.warnings),
    )


def _built_earlier(locked: Lock) -> frozenset[str]:
    """Return the names of what the feed has because an earlier run built it from source."""
    tag = f"-{sdist.BUILD_TAG}-"
    return frozenset(
        pin.name for pin in locked.pins if pin.from_feed and pin.files and all(tag in each.name for each in pin.files)
    )


def _explained(error: StepError, wanted: Requirements, grouped: Sequence[Requirement], *, lacking: bool) -> StepError:
    """Return what the resolver's `error` means; with `lacking` the feed has no upstream."""
    if lacking and isinstance(error, (Unsatisfiable, NameUnknown)):
        return upstream.lacking(error)
    if not wanted.team:
        return error
    return as_locked.explained(error, wanted.team, wanted.python, as_locked.beside(wanted.team, wanted, grouped))


def _ours(name: str) -> str:
    return f"`from-source` names {name}, which this run releases itself: no sdist of it is asked for."


def _recheck(inputs: Inputs, built: Wheel) -> Callable[[], object]:
    """Return a question that raises why the feed has failed, if it has."""
    return partial(Index(inputs.feed, inputs.feed_token).page, built.name) if inputs.feed else lambda: None
