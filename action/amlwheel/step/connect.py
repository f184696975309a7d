"""`command: connect`: a token is stored on every workspace, as a release does it, and nothing else is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from ..errors.base import StepError
from ..feed import access as feed_access
from ..feed import doubt
from ..feed.index import Index
from ..git import remote
from ..hosts import azure_variables
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model.azure import Connection
from ..model.repository import Repository
from ..plan import observe
from ..plan.change import Change, by_target
from ..report import outputs, summary
from ..sign_in import detectors
from ..sign_in.credential import ARM_SCOPE
from ..transport import http
from ..transport.arm import Arm
from ..workspace.arm import ArmSdk
from ..workspace.azureml.process import Worker
from ..workspace.azureml.sdk import Core
from ..workspace.look import WorkspaceState, known, look
from ..workspace.planner import Planner
from . import applying
from .access import connection_of, warnings


@dataclass(frozen=True)
class _Access:
    """What was observed before anything is planned; `states` are those of the workspaces, `who` has signed in."""

    planner: Planner
    worker: Worker | None
    connection: Connection
    states: tuple[WorkspaceState, ...]
    who: str


def run(inputs: Inputs, environ: Mapping[str, str], host: Host, now: datetime) -> None:
    """Check token and workspaces, plan, and store the token where it isn't stored; all workspaces at the same time.

    Nothing is written to `output-dir`: a receipt there is that of a release. Raises a StepError with all problems;
    those of storing stop no other workspace.
    """
    with host.stage("Check access") as done:
        access = _check(inputs, environ, host, now)
        done += [access.connection.target, *(each.name for each in inputs.workspace), access.who]
    with host.stage("Plan") as done:
        if access.worker:
            done.append(access.worker.wait())
        changes = _plan(inputs, access)
        count = sum(change.changes for change in changes)
        done.append(f"{count} to change, {len(changes) - count} to keep")
    host.progress.plan = changes
    for line in summary.table(changes):
        host.say(f"       {line}")
    if not inputs.dry_run:
        applying.to_targets("Connect", by_target(changes), inputs.workspace, host, None)
    host.summary(summary.connected(access.connection, changes, dry_run=inputs.dry_run))
    host.outputs(outputs.connected(access.connection, inputs.feed, changed=bool(count)))
    host.say(f"\n{summary.stored(access.connection, changes, dry_run=inputs.dry_run)}")


def _check(inputs: Inputs, environ: Mapping[str, str], host: Host, now: datetime) -> _Access:
    """Ask feed or repository with the token that is to be stored, and every workspace, at once."""
    credential = detectors.find(environ, partial(host.mask, user=http.USER), inputs.application)
    worker = Worker(credential, inputs.workspaces) if inputs.azureml else None
    repository = (inputs.git_repository or remote.origin(Path(), environ)) if inputs.from_commit else None
    arm = Arm(credential, ARM_SCOPE)
    try:
        states = _look(inputs, repository, arm, now.date())
    except StepError as error:
        doubt.tell(error, inputs.feed, azure_variables.organisation(environ))
        raise
    connection = connection_of(inputs, repository, states)
    assert connection  # noqa: S101  # rules.nothing_to_connect
    for text in warnings(inputs, connection, states, now):
        host.warning(text)
    planner = Planner(arm, Core(worker) if worker else ArmSdk(arm))
    return _Access(planner, worker, connection, states, f"signed in by {credential.label}")


def _look(inputs: Inputs, repository: Repository | None, arm: Arm, today: date) -> tuple[WorkspaceState, ...]:
    token = inputs.connection_token
    with observe.observing() as observer:
        if repository:
            observer.ask(partial(remote.check_readable, repository, token))
        elif inputs.feed:
            observer.ask(partial(feed_access.check_reader, Index(inputs.feed, token, "connection-token"), today))
        looks = [observer.ask(partial(look, arm, each)) for each in inputs.workspaces]
    return known(observe.results(looks), dry_run=inputs.dry_run)


def _plan(inputs: Inputs, access: _Access) -> Sequence[Change[Connection]]:
    """Compare with what each workspace has; a conflict anywhere stops the run before the first write."""
    plan = partial(access.planner.connection, told=bool(inputs.connection_token_expires))
    with observe.observing() as observer:
        planned = [
            observer.ask(partial(plan, access.connection, inputs.connection_token, each, state))
            for each, state in zip(inputs.workspaces, access.states, strict=True)
        ]
    changes = observe.results(planned)
    applying.check(by_target(changes), inputs.workspace, dry_run=inputs.dry_run)
    return changes
