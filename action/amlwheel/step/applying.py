"""The effects of a plan: first what is there for all workspaces, in order; then all workspaces at the same time."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from ..errors.base import StepError
from ..errors.workspace import TargetsFailed
from ..hosts.host import Host
from ..model.azure import Target, Workspace, kinds
from ..model.environment import Environment
from ..plan.change import Change, Verb, apply, apply_to_each
from .fence import Fence

Targets = Mapping[str, Sequence[Change[Any]]]


def once(title: str, changes: Sequence[Change[Any]], host: Host, fence: Fence) -> None:
    """Run the effects of `changes` in order; the first failure stops the run."""
    with host.stage(title) as done:
        if any(each.changes for each in changes):
            fence.check()
        apply(changes, host.begin, host.progress.end)
        done.append(_count(changes))


def to_targets(  # noqa: PLR0913, PLR0917  # each is another thing
    title: str,
    targets: Targets,
    workspaces: Sequence[Target],
    host: Host,
    fence: Fence | None,
    fetched: Future[str] | None = None,
) -> None:
    """Run the effects of each of the `targets` (by id, among `workspaces`) beside those of the others.

    Meanwhile our own wheels are `fetched`; nobody can use an environment before. Raises why they can't be; else the
    error of a single workspace, or TargetsFailed, once all others are done.
    """

    def begin(change: Change[Any]) -> None:
        if fetched and isinstance(change.result, Environment):
            fetched.result()
        host.begin(change)

    with host.stage(title) as done:
        if fence and any(each.changes for changes in targets.values() for each in changes):
            fence.check()
        failed = apply_to_each(targets, begin, host.progress.end)
        if fetched:
            done.append(fetched.result() or "nothing to fetch")
        _raise(failed, workspaces)
        done.append(_count([change for changes in targets.values() for change in changes]))


def check(targets: Targets, workspaces: Sequence[Target], *, dry_run: bool) -> None:
    """Raise why workspaces can't be changed, if there is no other; in a dry run, if there is one such workspace."""
    skipped = {name: [each for each in changes if each.verb is Verb.SKIP] for name, changes in targets.items()}
    if dry_run or all(skipped.values()):
        _raise(apply_to_each(skipped, _quiet, _quiet), workspaces)


def _raise(failed: Mapping[str, StepError], workspaces: Sequence[Target]) -> None:
    if failed and len(workspaces) == 1:
        raise next(iter(failed.values()))
    if failed:
        names = named(workspaces)
        by_name = {names[target]: error for target, error in failed.items()}
        raise TargetsFailed.of(by_name, len(workspaces), kinds(workspaces))


def _quiet(_: object) -> None:
    """Say nothing: no effect begins."""


def named(workspaces: Sequence[Target]) -> dict[str, str]:
    """Return by id how people know each of `workspaces`: by its name, and its group if another one has the name."""
    names = [each.label.lower() for each in workspaces]

    def name(each: Target) -> str:
        if isinstance(each, Workspace) and names.count(each.label.lower()) > 1:
            return f"{each.label} in {each.group}"
        return each.label

    return {each.id: name(each) for each in workspaces}


def _count(changes: Sequence[Change[Any]]) -> str:
    count = sum(change.changes for change in changes)
    return f"{count} changed" if count else "nothing to do"
