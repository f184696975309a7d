"""The step from its first line to its last: read, check access, build, lock, plan, prove, publish, register, report."""

import dataclasses
import errno
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from types import FrameType

from . import consume
from .build import package
from .errors.base import NoRoom, StepError, Unexpected
from .hosts import azure_variables, detect
from .hosts.host import Host
from .inputs import readers, reading, table
from .inputs.step import Inputs
from .model import connection_token
from .model.declared import NOTHING
from .model.secret import Secret
from .report import files
from .report.release import Release
from .sign_in import detectors, masks
from .sign_in.credential import FEED_SCOPE
from .step import auditing, checklist, connect, debugging, needs, per_package, planned, time_limit
from .step.access import Access
from .step.building import Building
from .step.changes import Changes
from .step.early_lock import EarlyLock
from .step.fence import Fence, later
from .step.stages import Stages
from .transport import bounds, debug, http, installed, process, sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step and return its exit status: 0, or the status of the error (see `errors`)."""
    process.share_memory()
    process.hide()
    bounds.keep()
    process.adopt()
    given = _without_colours(list(sys.argv[1:] if arguments is None else arguments))
    host = detect.detect()
    debug.listeners[:] = [host.debug] if host.debugging else []
    logging.getLogger().addHandler(logging.NullHandler())  # libraries' warnings would bypass the host's masks
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _cancelled)
    try:
        host.debug(debugging.versions() if host.debugging else "")
        with host.ours():
            if given[:1] == ["consume"]:
                with time_limit.within(time_limit.CHECK_MINUTES * 60, host):
                    consume.run(given[1:], os.environ, host)
            else:
                run(given, os.environ, host)
    except StepError as error:
        host.debug("".join(traceback.format_tb(error.__traceback__)))
        host.error(error)
        return host.finish(error.status, f"amlwheel {error.code} {error.title}")
    except KeyboardInterrupt:
        host.cancelled()
        return host.finish(130, "cancelled")
    except Exception as error:  # noqa: BLE001  # the last fence: whatever happens, the user gets a code and no secret
        bug = _told(error)
        host.error(bug)
        return host.finish(bug.status, f"amlwheel {bug.code}")
    finally:
        process.end_all()  # azureml-core waits for the next question
        installed.compile_later()
        sandbox.removed()
    return host.finish(0)


def _without_colours(given: list[str]) -> list[str]:
    """Return the arguments without `--no-color`, which means what the variable NO_COLOR means."""
    if "--no-color" in given:
        os.environ["NO_COLOR"] = "1"
    return [each for each in given if each != "--no-color"]


def _told(error: Exception) -> StepError:
    """Return the error for what no part of the step expects: a disk that is full, or a bug.

    Where no folder for temporary files takes any, Python names no disk (`tempfile.gettempdir`).
    """
    nowhere = isinstance(error, FileNotFoundError) and "temporary directory" in str(error)
    if nowhere or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return NoRoom.meanwhile("while the step wrote a file", str(error))
    return Unexpected("amlwheel failed by a bug of its own.", details=traceback.format_exc())


def run(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    host: Host,
    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> None:
    """Run the whole step; raise a StepError for whatever stops it. `clock` is read once."""
    now = clock()
    inputs = read(arguments, environ, host)
    try:
        with time_limit.within(time_limit.seconds(inputs), host):
            _run(inputs, environ, host, now)
    finally:
        host.write_trace(inputs.trace)


def _run(inputs: Inputs, environ: Mapping[str, str], host: Host, now: datetime) -> None:
    if inputs.check:
        checklist.run(inputs, environ, host, now)
        if not inputs.dry_run:
            return
    if inputs.connects:
        job = Secret(azure_variables.job_token(environ))
        connection_token.check(inputs.connection_token, inputs.feed, inputs.connection_token_expires, job, now)
    if not inputs.releases:
        connect.run(inputs, environ, host, now)
        return
    if inputs.apply:
        _apply(planned.read(inputs, host), environ, host, now)
        return
    each_asks = per_package.declared(inputs, environ, host.tag) if inputs.environment_per_package else {}
    declared = NOTHING if each_asks else needs.declared(inputs, environ, host.tag)
    fence = Fence(host, later(inputs))
    step = Stages(sign_in_to_feed(inputs, environ, host), environ, host, now, fence, declared)
    inputs = step.inputs
    for each in sandbox.lacking():
        host.say(f"       {each}")
    with sandbox.scratch() as folder, EarlyLock(declared, inputs, folder / "declared") as early:
        building = Building(inputs, environ, host, fence, folder)
        access = step.check_access(building, None if each_asks else early)
        wheels = step.build(building, access)
        if each_asks:
            per_package.run(step, each_asks, wheels, folder, access)
            return
        locked = step.lock(wheels, folder, access, early.resolve)
        asked = auditing.ask(inputs, wheels, locked, access.facts, declared.conda)  # answered while the plan is made
        release = step.define(wheels, locked, access)
        changes = step.plan(release, access)
        release = auditing.settle(asked, release, inputs, host, declared.lock)
        step.render(release, access, changes)  # nothing is changed if a file would hold a secret
        proven = step.prove(release, changes)  # nothing is changed if the package can't be used
        if inputs.plan_file:
            planned.write(inputs, host, release, changes, proven)
        _carry_out(step, release, access, changes, proven)


def _apply(plan: planned.Planned, environ: Mapping[str, str], host: Host, now: datetime) -> None:
    """Apply a part of a plan that another run has made and proven: observe anew, and change what isn't there yet."""
    fence = Fence(host, later(plan.inputs))
    step = Stages(sign_in_to_feed(plan.inputs, environ, host), environ, host, now, fence)
    with planned.meanwhile():
        access = step.check_access(Building(step.inputs, environ, host, fence, Path()))
    release = plan.release(access)
    changes = step.plan(release, access)
    step.render(release, access, changes)  # nothing is changed if a file would hold a secret
    _carry_out(step, release, access, changes, f"When it was planned: {plan.plan.proven}")


def _carry_out(step: Stages, release: Release, access: Access, changes: Changes, proven: str) -> None:
    """Make the changes of a plan, or in a dry run none, and report."""
    if step.inputs.dry_run:
        step.skip()
    else:
        step.apply(release, access, changes)
    step.report(release, access, changes, proven)
    # Last: the release exists, with its files, even if an image fails.
    if not step.inputs.dry_run:
        step.build_images(release, access)
        step.check_recipes(release, access)


def read(arguments: Sequence[str], environ: Mapping[str, str], host: Host) -> Inputs:
    """Read the inputs and check what needs no network: the command line wins over the environment, both over the table.

    What nobody gave, a host hands over as an empty text.
    """
    told = reading.from_environment(environ, host.style) | reading.from_command_line(arguments)
    pipeline = {name: text for name, text in told.items() if text.strip()}
    reading.check_text(pipeline)
    masks.mask(host, pipeline, environ)
    own = table.find(readers.lines(pipeline.get("package-dir", "")) or ("."), host.warning)
    host.feed = {**own.texts, **pipeline}.get("feed", "")
    for line in table.sources(own, pipeline, host.style):
        host.say(f"       {line}")
    used = own.under(pipeline)
    host.debug(f"inputs of this run: {', '.join(pipeline)}; of the project's table: {', '.join(used.texts)}")
    if pipeline.get("command", "").strip() == "connect":
        return reading.read(pipeline, used)  # no project, no folder for files, and no token that may publish
    job = azure_variables.feed_token(host.feed, environ)
    inputs = reading.read({"feed-token": job, **pipeline} if job else pipeline, used)
    if not (inputs.wheel or inputs.apply):
        package.check_projects(inputs.package_dir)
    files.check_folder(Path(inputs.output_dir))
    if inputs.plan_file:
        files.check_folder(Path(inputs.plan_file).parent, "plan-file")
    return inputs


def sign_in_to_feed(inputs: Inputs, environ: Mapping[str, str], host: Host) -> Inputs:
    """Return `inputs` with a token for the feed: if none is given, an Entra token of the identity that signs in."""
    if inputs.feed_token or not inputs.feed:
        return inputs
    credential = detectors.find(environ, partial(host.mask, user=http.USER), inputs.application)
    token = credential.get_token(FEED_SCOPE).token
    return dataclasses.replace(inputs, feed_token=Secret(token, inputs.feed_user))


def _cancelled(number: int, frame: FrameType | None) -> None:
    """End the tools first, so that the threads that wait for them end as well.

    Another signal would break off what this one cleans up: hosts send several.
    """
    del number, frame
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    process.end_all()
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
