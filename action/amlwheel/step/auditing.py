"""The audit: what the public database of advisories says of the lock. It is asked while the plan is made.

No name that may be private is sent: neither ours, nor the feed's own, nor that of a package from any other place than
the public index, PyTorch's own, or a channel of conda that has it under a public project's name.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name
from packaging.version import Version

from ..advisories import findings
from ..advisories.osv import NoAnswer, Question
from ..errors.advisories import AcceptedNothing, Vulnerable
from ..errors.base import StepError, together
from ..feed.artifacts import Facts
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model.advisory import Audit, Finding, Package
from ..model.conda import Conda
from ..model.environment import PIP
from ..model.lock import Lock
from ..model.package_index import TORCH_INDEXES
from ..model.team_lock import TeamLock
from ..model.wheel import Pin, Wheel
from ..report.release import Release

_PIP = Package("pip", PIP)
_SHOWN = 10  # findings in the log; summary and receipt have all


@dataclass(frozen=True)
class Asked:
    """A question on its way, and how many packages it asks for and leaves out."""

    question: Question
    packages: int
    left_out: int


def ask(inputs: Inputs, wheels: Sequence[Wheel], locked: Lock, facts: Facts, conda: Conda) -> Asked | None:
    """Ask for all that is locked around our `wheels`, and for what conda installs; None if `audit` is none."""
    if inputs.audit == "none":
        return None
    own = {each.project for each in wheels}
    others = [pin for pin in locked.pins if pin.name not in own]
    public = list(_public(others, locked.built, facts, only=inputs.feed_only))
    by_pip = {Package.of(pin.name, pin.version) for pin in public}
    by_conda = {Package.of(each.on_pypi, each.version) for each in conda.packages}
    packages = {each for each in (_PIP, *by_pip, *by_conda) if each}
    return Asked(Question(packages), len(packages), len(others) - len(public))


def settle(asked: Asked | None, release: Release, inputs: Inputs, host: Host, team: TeamLock | None = None) -> Release:
    """Return `release` with what the database says; one that says nothing stops nobody. `team` is the lock in use.

    Raises AcceptedNothing and, with `audit` refuse, Vulnerable.
    """
    if not asked:
        host.say("skip   Audit · `audit` is none")
        return release
    with host.stage("Audit") as done:
        try:
            found = findings.findings(asked.question.answer(), inputs.audit_accept)
            audit = Audit(asked.packages, asked.left_out, found)
        except NoAnswer as error:
            audit = Audit(asked.packages, asked.left_out, left_out=str(error))
        advice = _advice(audit.open, release.conda, team) if audit.open else ""
        _tell(audit, host, advice, refuse=inputs.audit == "refuse")
        _stop(audit, inputs, advice)
        done.append(audit.told)
    return replace(release, audit=audit)


def _public(pins: Sequence[Pin], built: Sequence[Wheel], facts: Facts, *, only: bool) -> Iterator[Pin]:
    """Yield those of `pins` whose names are public for sure.

    With `only`, all come from the feed: what wasn't published there is from its upstreams, which may be private, too.
    An sdist is the public index's if its file lies where the public index has others.
    """
    known = facts.published is not None and facts.public
    hosts = {
        urlsplit(file.url).netloc for pin in pins if not (pin.private or pin.index or pin.url) for file in pin.files
    }
    sdists = {each.project: urlsplit(each.sdist.url).netloc for each in built if each.sdist}
    for pin in pins:
        if pin.name in (facts.published or ()) or pin.url:
            continue
        if pin.index:
            public = pin.index.startswith(TORCH_INDEXES)
        elif pin.name in sdists:
            public = sdists[pin.name] in hosts
        else:
            public = known if only else not pin.private
        if public:
            yield pin


def _tell(audit: Audit, host: Host, advice: str, *, refuse: bool) -> None:
    """Say what was found: as a warning, what nobody has accepted, and that `audit: refuse` couldn't be kept."""
    if audit.left_out and refuse:
        host.warning(f"{audit.told}. `audit` is refuse, but it can't refuse what isn't known.")
    elif audit.left_out:
        host.say(f"       {audit.told}")
    for each in audit.findings[:_SHOWN]:
        host.say(f"       {each.text} {each.link}{' (accepted)' if each.accepted else ''}")
    if len(audit.findings) > _SHOWN:
        host.say(f"       and {len(audit.findings) - _SHOWN} more")
    if audit.open and not refuse:
        host.warning(f"Known vulnerabilities in {_affected(audit.open)}. {advice}")


def _stop(audit: Audit, inputs: Inputs, advice: str) -> None:
    """Raise what the findings mean for the run; nothing, if there is no answer."""
    problems: list[StepError] = []
    nothing = ", ".join(findings.unknown(audit.findings, inputs.audit_accept))
    if nothing and not audit.left_out:
        what = f"`audit-accept` names {nothing}, which no locked package has."
        problems.append(AcceptedNothing(what, fix=f"Take {nothing} out of `audit-accept`."))
    if audit.open and inputs.audit == "refuse":
        details = "\n".join(f"{each.text} {each.link}" for each in audit.open)
        problems.append(Vulnerable(f"{audit.told}: {_affected(audit.open)}.", fix=advice, details=details))
    if problems:
        raise together(problems)


def _affected(found: Sequence[Finding]) -> str:
    """Return the packages that have findings, each once."""
    return ", ".join(dict.fromkeys(f"{each.package.name} {each.package.version}" for each in found))


def _advice(found: Sequence[Finding], conda: Conda, team: TeamLock | None) -> str:
    """Return what to do about findings, to be followed literally: versions to require, and ids to accept for the rest.

    What the team's lock has is raised there. The pip that conda installs is the step's own pin, so nobody can require
    another one.
    """
    fixed = [each for each in found if each.fixed and each.package != _PIP]
    raised = {each.package.name: str(max(_fixes(fixed, each.package.name))) for each in fixed}
    by_conda = {canonicalize_name(each.on_pypi) for each in conda.packages}
    by_lock = [name for name in raised if team and name in team.packages.keys() - by_conda]
    locked = ", ".join(f"{name} to {raised[name]}" for name in by_lock)
    required = ", ".join(f"{name}>={version}" for name, version in raised.items() if name not in by_conda | {*by_lock})
    changed = ", ".join(f"{name} to {version}" for name, version in raised.items() if name in by_conda)
    rest = ", ".join(each.id for each in found if each not in fixed)
    advice = [f"require {required} in `requirements`"] * bool(required)
    advice += [f"raise {changed} in `conda`"] * bool(changed)
    advice += [f"raise {locked} in {team.label} ({_within(team.renewed(*by_lock))})"] if team and by_lock else []
    advice += [f"name {rest} in `audit-accept`, an id a line, if you accept that"] * bool(rest)
    text = ", and ".join(advice)
    return f"{text[0].upper()}{text[1:]}."


def _within(sentence: str) -> str:
    """Return a sentence as a part of another one."""
    return sentence[0].lower() + sentence[1:].removesuffix(".")


def _fixes(found: Iterable[Finding], name: str) -> Iterator[Version]:
    return (Version(each.fixed) for each in found if each.package.name == name)
