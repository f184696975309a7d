"""The step from its first line to its last: read inputs, build, look, lock, plan, apply, prove, register, report."""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

from . import (
    __version__,
    credentials,
    devops,
    emit,
    environment,
    feed,
    hosts,
    http,
    image,
    inputs,
    lock,
    plan,
    process,
    proof,
    receipt,
    source,
    wheel,
    workspace,
)
from .change import Change, Verb
from .errors import StepError, Unexpected
from .model import Connection, Image, Wheel
from .receipt import Release


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step and return its exit status: 0, or the status of the error (see `errors`)."""
    host = hosts.detect()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _cancelled)
    try:
        run(sys.argv[1:] if arguments is None else arguments, os.environ, host)
    except StepError as error:
        host.error(error)
        return error.status
    except KeyboardInterrupt:
        host.say("\ncancelled; run the step again to continue where it stopped")
        return 130
    except Exception:  # noqa: BLE001  # the last fence: whatever happens, the user gets a code and no secret
        fault = Unexpected("amlwheel has a fault.", details=traceback.format_exc())
        host.error(fault)
        return fault.status
    return 0


def _cancelled(number: int, frame: FrameType | None) -> None:
    """End the tools first, so that the threads that wait for them end too."""
    del number, frame
    process.end_all()
    raise KeyboardInterrupt


def run(arguments: Sequence[str], environ: Mapping[str, str], host: hosts.Terminal) -> None:
    """Run the whole step; raise a StepError for everything that stops it."""
    asked = _read(arguments, environ, host)
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as folder:
        wheels = _build(asked, environ, host, Path(folder))
        world = _look(asked, environ, host, wheels)
        release, lock_text = _lock(asked, environ, host, wheels, world)
        changes = _plan(asked, host, release, world)
        _emit(asked, host, release, lock_text)
        proven = "Dry run: nothing was changed, and nothing proven."
        if not asked.dry_run:
            _apply(host, "Connect and publish", (*changes.connections, *changes.wheels))
            proven = _prove(asked, host, release, changes)
            _apply(host, "Register", changes.environments)
        _report(asked, host, release, changes, proven)


def _read(arguments: Sequence[str], environ: Mapping[str, str], host: hosts.Terminal) -> inputs.Inputs:
    """Read the inputs of whichever door the step came through; the command line goes before the environment."""
    given = inputs.from_environment(environ, host.style) | inputs.from_command_line(arguments)
    asked = inputs.read(given)
    for token in (asked.feed_token, asked.connection_token):
        host.mask(token, http.USER)
    if not asked.wheel:
        wheel.check_projects(asked.package_dir)
    emit.check_folder(Path(asked.output_dir))
    return asked


def _build(asked: inputs.Inputs, environ: Mapping[str, str], host: hosts.Terminal, folder: Path) -> tuple[Wheel, ...]:
    """Build or find the wheels, and refuse what couldn't be published or used later."""
    with host.stage("Find wheels" if asked.wheel else "Build") as done:
        paths = wheel.find(asked.wheel) if asked.wheel else wheel.build(asked.package_dir, folder, host.foreign)
        wheels = tuple(wheel.inspect(path) for path in paths)
        wheel.check_together(wheels)
        tag = source.tag(environ)
        if tag:
            wheel.check_tag(tag, wheels)
        for each in wheels:
            feed.refuse_unpublishable(each, asked.feed)
            wheel.check_fit(each, asked.python_version)
            problem = wheel.check_description(each)
            if problem:
                host.foreign(problem)
                host.warning(f"{each.filename} doesn't pass twine check; its description won't be shown as intended.")
        done += [f"{each.filename} ({each.size / 1024:.0f} kB, sha256 {each.sha256[:12]}…)" for each in wheels]
    return wheels


@dataclass(frozen=True)
class World:
    """What was seen outside before anything was planned. Lists run parallel to wheels and to workspaces."""

    arm: workspace.Arm
    image: Image
    pages: list[feed.Page]
    published: frozenset[str] | None
    connections: list[tuple[workspace.Json, ...]]


def _look(asked: inputs.Inputs, environ: Mapping[str, str], host: hosts.Terminal, wheels: Sequence[Wheel]) -> World:
    """Probe feed, tokens, workspaces and image, all at once; every problem is reported in one run."""
    with host.stage("Check access") as done:
        lead = wheels[0].name
        credential = credentials.find(environ, partial(host.mask, user=http.USER))
        arm = workspace.Arm(credential, credentials.ARM_SCOPE)
        with plan.observing() as seen:
            ask = seen.ask
            pages = [ask(partial(feed.look, asked.feed, each.name, asked.feed_token, "feed-token")) for each in wheels]
            ask(partial(feed.look, asked.feed, lead, asked.connection_token, "connection-token"))
            names = ask(
                partial(devops.published if asked.feed.is_artifacts else feed.names, asked.feed, asked.feed_token)
            )
            for each in asked.workspace:
                ask(partial(workspace.exists, arm, each))
            listed = [ask(partial(workspace.connections, arm, each)) for each in asked.workspace]
            pinned = ask(partial(image.pin, asked.base_image))
        done += [
            asked.feed.label,
            *(each.name for each in asked.workspace),
            f"signed in by {credential.label}",
        ]
    return World(
        arm,
        pinned.result(),
        [page.result() for page in pages],
        names.result(),
        [each.result() for each in listed],
    )


def _lock(
    asked: inputs.Inputs,
    environ: Mapping[str, str],
    host: hosts.Terminal,
    wheels: tuple[Wheel, ...],
    world: World,
) -> tuple[Release, str]:
    """Resolve the dependencies, and with them derive everything that the release is going to be."""
    only = asked.index == "only"
    with host.stage("Lock") as done:
        more = lock.requirements(asked.requirements, Path())
        sources = lock.Sources(asked.feed, asked.feed_token, world.published, only)

        def recheck() -> None:
            for each in wheels:
                feed.look(asked.feed, each.name, asked.feed_token, "feed-token")

        pins = lock.resolve(lock.Wanted(wheels, more, asked.python_version), sources, recheck, host.say)
        base = environment.Base(world.image, asked.python_version)
        defined = environment.define(asked.environment_name, wheels[0], pins, base, asked.feed.option(only=only))
        text = emit.lock_text(pins, asked.python_version, defined.pip[:1])
        done.append(f"{len(pins)} packages, {sum(pin.private for pin in pins)} from the feed")
    where = Path(asked.package_dir[0]) if not asked.wheel else Path()
    code = source.detect(where, environ)
    if code.dirty:
        host.warning("The project has uncommitted changes; the commit in the receipt doesn't tell all of the code.")
    release = Release(
        source=code,
        wheels=wheels,
        feed=asked.feed,
        connection=Connection.of(asked.feed, asked.connection_name),
        workspaces=asked.workspace,
        environment=defined,
        lock_sha256=emit.sha256(text),
        tools={"amlwheel": __version__, **{name: version(name) for name in ("build", "twine", "uv")}},
    )
    return release, text


@dataclass(frozen=True)
class Changes:
    """The plan, in the order of its application: what can be taken back first, what can't be last."""

    connections: tuple[Change[Connection], ...]
    wheels: tuple[Change[str], ...]
    environments: tuple[Change[environment.Environment], ...]

    @property
    def all(self) -> tuple[Change[Any], ...]:
        """Every change in order."""
        return (*self.connections, *self.wheels, *self.environments)


def _plan(asked: inputs.Inputs, host: hosts.Terminal, release: Release, world: World) -> Changes:
    """Compare what is wanted with what was seen; a conflict anywhere stops here, before the first effect."""
    with host.stage("Plan") as done:
        with plan.observing() as seen:
            wheels = [
                seen.ask(partial(feed.plan, asked.feed, each, page, asked.feed_token, host.warning))
                for each, page in zip(release.wheels, world.pages, strict=True)
            ]
            stored = [
                seen.ask(
                    partial(
                        workspace.plan_connection,
                        world.arm,
                        each,
                        release.connection,
                        asked.connection_token,
                        known,
                    )
                )
                for each, known in zip(asked.workspace, world.connections, strict=True)
            ]
            registered = [
                seen.ask(partial(workspace.plan_environment, world.arm, each, release.environment, release.tags()))
                for each in asked.workspace
            ]
        changes = Changes(
            tuple(each.result() for each in stored),
            tuple(each.result() for each in wheels),
            tuple(each.result() for each in registered),
        )
        count = sum(change.changes for change in changes.all)
        done.append(f"{count} to change, {len(changes.all) - count} to keep")
    for line in receipt.table(changes.all):
        host.say(f"       {line}")
    return changes


def _emit(asked: inputs.Inputs, host: hosts.Terminal, release: Release, lock_text: str) -> None:
    """Write the files, after a last look that none of them holds a secret."""
    tags = release.tags()
    texts = emit.files(release.environment, lock_text, receipt.receipt(release), tags)
    for name, text in texts.items():
        if host.leaks(text):
            message = f"{name} would hold a secret, and was not written."
            raise Unexpected(message)
    emit.write(Path(asked.output_dir), texts, release.wheels)


def _apply(host: hosts.Terminal, title: str, changes: Sequence[Change[Any]]) -> None:
    with host.stage(title) as done:
        plan.apply(changes, lambda change: host.say(f"{change.verb.value} {change.subject}"))
        count = sum(change.changes for change in changes)
        done.append(f"{count} changed" if count else "nothing to do")


def _prove(asked: inputs.Inputs, host: hosts.Terminal, release: Release, changes: Changes) -> str:
    """Prove that the environment installs before it is registered, so that nobody can use one that doesn't."""
    if asked.verify == "none":
        return "Not proven: verify is none."
    if all(change.verb is Verb.KEEP for change in changes.environments):
        host.say("skip   Prove · the environment is kept, it was proven before it was registered")
        return "Proven when it was registered."
    with host.stage("Prove") as done:
        proven = proof.prove(
            release.environment,
            release.connection,
            asked.connection_token,
            [module for each in release.wheels for module in each.modules],
            host.foreign,
        )
        done.append(proven)
    return f"Proven: {proven}."


def _report(asked: inputs.Inputs, host: hosts.Terminal, release: Release, changes: Changes, proven: str) -> None:
    """Set the outputs, write the summary, and print the few lines that a person wants."""
    folder = Path(asked.output_dir).as_posix()
    changed = any(change.changes for change in changes.all)
    host.summary(receipt.summary(release, changes.all, dry_run=asked.dry_run, proof=proven))
    host.say()
    host.outputs(receipt.outputs(release, folder, changed=changed))
    host.say()
    for line in receipt.closing(release, folder, dry_run=asked.dry_run, changed=changed):
        host.say(line)


if __name__ == "__main__":
    sys.exit(main())
