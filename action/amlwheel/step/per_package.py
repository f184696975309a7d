"""`environment-per-package`: one environment for each package of the run, with the others that it needs.

Everything is locked, planned and proven for all packages before the first write. A wheel that several environments hold
is published once, and each workspace gets its connection once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..advisories import findings
from ..advisories.osv import NoAnswer
from ..environment.requirements import applies
from ..errors.build import BuiltDifferently, PackagesInCircle
from ..inputs.step import Inputs
from ..model.declared import Declared
from ..model.environment import Python
from ..model.wheel import Wheel
from ..plan.change import Change
from ..report import files, outputs, summary
from ..report.release import Release
from ..transport import trace
from . import auditing, needs
from .access import Access
from .auditing import Asked
from .changes import Changes
from .stages import Stages


@dataclass(frozen=True)
class Part:
    """What one package becomes: `step` has its inputs, `release` its own wheel first; `asked` is its audit."""

    step: Stages
    release: Release
    changes: Changes
    asked: Asked | None
    proven: str = ""

    @property
    def name(self) -> str:
        """The package, by its normalised name."""
        return self.release.wheels[0].project

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return Path(self.step.inputs.output_dir) / self.name


def declared(inputs: Inputs, environ: Mapping[str, str], pushed: str) -> dict[str, Declared]:
    """Return what each package asks for beside the others, by its folder: each has a lock of its own; see `needs`."""
    return {each: needs.declared(replace(inputs, package_dir=(each,)), environ, pushed) for each in inputs.package_dir}


def run(step: Stages, asked: Mapping[str, Declared], wheels: Sequence[Wheel], folder: Path, access: Access) -> None:
    """Release `wheels`, each into its own environment, from the lock to the report; `asked` is by folder.

    Raises PackagesInCircle, BuiltDifferently, and what the stages raise; all of that before the first write.
    """
    order = ordered(wheels, step.inputs.python_version)
    folders = dict(zip((each.project for each in wheels), step.inputs.package_dir, strict=True))
    parts = [_planned(step, asked[folders[each.project]], each, wheels, folder, access) for each in order]
    parts = _audited(parts)
    changes = union([part.changes for part in parts])
    one = replace(parts[0].release, wheels=_wheels(parts))
    step.host.progress.plan = changes.all
    for part in parts:
        part.step.render(part.release, access, part.changes)  # nothing is changed if a file would hold a secret
    parts = [replace(part, proven=part.step.prove(part.release, part.changes)) for part in parts]
    if step.inputs.dry_run:
        step.skip()
    else:
        step.apply(one, access, changes)
    by_name = {part.name: part for part in parts}
    parts = [by_name[each.project] for each in wheels]
    _report(step, parts, wheels, access, changes)
    for part in parts if not step.inputs.dry_run else ():
        part.step.build_images(part.release, access)
        part.step.check_recipes(part.release, access)


def ordered(wheels: Iterable[Wheel], python: Python) -> list[Wheel]:
    """Return `wheels` in the order in which they can be published: what others need first.

    What only an extra needs makes no order: nobody has to ask for it. Raises PackagesInCircle.
    """
    by_name = {each.project: each for each in wheels}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, each in by_name.items():
        required = {str(canonicalize_name(one.name)) for one in each.requires if applies(one, python)}
        sorter.add(name, *(other for other in by_name if other in required - {name}))
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as error:
        circle: list[str] = [*reversed(error.args[1])]  # each is needed by the next one
        raise PackagesInCircle(f"Packages need each other in a circle: {' needs '.join(circle)}.") from None


def members(own: Wheel, more: Iterable[Requirement], wheels: Iterable[Wheel], python: Python) -> list[Wheel]:
    """Return the wheels of one environment: `own`, and those of the run that it or `more` requirements need."""
    by_name = {each.project: each for each in wheels}
    waiting = [Requirement(own.project), *(each for each in more if applies(each, python))]
    seen, found = set[tuple[str, frozenset[str]]](), dict[str, Wheel]()
    while waiting:
        each = waiting.pop(0)
        name, extras = str(canonicalize_name(each.name)), frozenset(map(str, map(canonicalize_name, each.extras)))
        if name not in by_name or (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = by_name[name]
        waiting += [one for one in by_name[name].requires if applies(one, python, extras)]
    return [*found.values()]


def union(plans: Sequence[Changes]) -> Changes:
    """Return one plan: what several of `plans` have is changed once, and each environment where its plan has it."""

    def once(changes: Iterable[Change[Any]]) -> tuple[Change[Any], ...]:
        found: dict[tuple[str, str], Change[Any]] = {}
        for each in changes:
            found.setdefault((each.subject, each.target), each)
        return tuple(found.values())

    return Changes(
        once(each for plan in plans for each in plan.wheels),
        once(each for plan in plans for each in plan.feed),
        once(each for plan in plans for each in plan.connections),
        tuple(each for plan in plans for each in plan.environments),
        tuple(each for plan in plans for each in plan.saved),
    )


def _planned(  # noqa: PLR0913, PLR0917  # each is another thing
    step: Stages, asked: Declared, own: Wheel, wheels: Sequence[Wheel], folder: Path, access: Access
) -> Part:
    """Lock and plan the environment of `own`.

    A package of the run that turns up in the lock by way of others comes from the run as well: never an older one.
    """
    inputs, host = step.inputs, step.host
    folders = dict(zip((each.project for each in wheels), inputs.package_dir, strict=True))
    alone = needs.requirements(asked, [own], [folders[own.project]], inputs.python_version)
    more = [*alone.more, *asked.grouped]
    host.say(f"       The environment of {own.project}")
    while True:
        group = members(own, more, wheels, inputs.python_version)
        names = [each.project for each in group]
        own_inputs = replace(inputs, package_dir=tuple(folders[name] for name in names))
        part = replace(step, inputs=own_inputs, declared=asked)
        locked = part.lock(tuple(group), folder / f"{own.project}-{len(group)}", access)
        found = sorted({pin.name for pin in locked.pins} & (folders.keys() - {*names}))
        if not found:
            break
        more += map(Requirement, found)
    question = auditing.ask(own_inputs, group, locked, access.facts, asked.conda)
    release = part.define(tuple(group), locked, access)
    return Part(part, release, part.plan(release, access), question)


def _audited(parts: Sequence[Part]) -> list[Part]:
    """Settle the audit of each part. An accepted id counts if one of the environments has it."""
    missing = [_missing(part) for part in parts]
    nowhere = frozenset.intersection(*missing)
    return [
        replace(part, release=_settled(part, part_misses - nowhere))
        for part, part_misses in zip(parts, missing, strict=True)
    ]


def _settled(part: Part, elsewhere: frozenset[str]) -> Release:
    accepted = {name: why for name, why in part.step.inputs.audit_accept.items() if name not in elsewhere}
    inputs = replace(part.step.inputs, audit_accept=accepted)
    return auditing.settle(part.asked, part.release, inputs, part.step.host, part.step.declared.lock)


def _missing(part: Part) -> frozenset[str]:
    """Return the accepted ids that no package of the part has, as far as the database answers."""
    accepted = part.step.inputs.audit_accept
    try:
        found = findings.findings(part.asked.question.answer(), accepted) if part.asked else ()
    except NoAnswer:
        found = ()
    return frozenset(findings.unknown(found, accepted))


def _wheels(parts: Iterable[Part]) -> tuple[Wheel, ...]:
    """Return the wheels of all parts, each once; raise BuiltDifferently for two builds of one file."""
    found: dict[str, Wheel] = {}
    for part in parts:
        for each in part.release.wheels:
            if found.setdefault(each.filename, each).sha256 != each.sha256:
                raise BuiltDifferently(f"{each.filename} was built from source twice, and the two differ.")
    return tuple(found.values())


def _report(step: Stages, parts: Sequence[Part], wheels: Sequence[Wheel], access: Access, changes: Changes) -> None:
    """Write the files of each part into a folder of its own, those of the first one above them, too."""
    inputs, host, lead = step.inputs, step.host, parts[0]
    top = Path(inputs.output_dir)
    for part in parts:
        files.write(part.folder, part.step.render(part.release, access, part.changes), part.release.wheels)
        page = (part.release, part.changes.all, part.changes.compared)
        host.summary(summary.summary(*page, dry_run=inputs.dry_run, proof=part.proven))
        for each in part.changes.images:
            host.summary(f"\n{each}.\n")
    files.write(top, lead.step.render(lead.release, access, lead.changes), _wheels(parts))
    host.summary(summary.longest(trace.RUN.longest))
    host.say()
    given = outputs.outputs(replace(lead.release, wheels=tuple(wheels)), top.as_posix(), changes.all)
    host.outputs({**given, "environments": outputs.of_packages([(part.release, part.changes.all) for part in parts])})
    host.say()
    for part in parts:
        said = {"dry_run": inputs.dry_run, "changed": bool(part.changes.count)}
        for line in summary.closing(part.release, part.folder.as_posix(), **said):
            host.say(line)
