"""The stages of a run, each on what the ones before it found. Nothing outside changes before `apply`."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
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
from .errors import Unexpected
from .model import Connection, Image, Pin, Wheel
from .receipt import Release


@dataclass(frozen=True)
class World:
    """What was seen outside before anything was made. `workspaces` run parallel to the input's."""

    arm: workspace.Arm
    image: Image
    published: frozenset[str] | None
    workspaces: tuple[workspace.Seen, ...]


@dataclass(frozen=True)
class Changes:
    """The plan, in the order of its application: what fails most often first, what others will use last."""

    wheels: tuple[Change[str], ...]
    connections: tuple[Change[Connection], ...]
    environments: tuple[Change[environment.Environment], ...]

    @property
    def all(self) -> tuple[Change[Any], ...]:
        """Every change in order."""
        return (*self.wheels, *self.connections, *self.environments)

    @property
    def count(self) -> int:
        """How many of them change something."""
        return sum(change.changes for change in self.all)


@dataclass(frozen=True)
class Stages:
    """The stages of one run, with what all of them need: the inputs, the host's variables, and the host itself."""

    asked: inputs.Inputs
    environ: Mapping[str, str]
    host: hosts.Terminal

    def check_access(self) -> World:
        """Probe feed, tokens, workspaces and image, all at once; every problem is reported in one run."""
        asked, host = self.asked, self.host
        with host.stage("Check access") as done:
            credential = credentials.find(self.environ, partial(host.mask, user=http.USER))
            arm = workspace.Arm(credential, credentials.ARM_SCOPE)
            # The page of the first package, known or not, is what the image builder will ask for.
            name = wheel.expected_names(asked.package_dir, self._given())[0]
            names = devops.published if asked.feed.is_artifacts else feed.names
            with plan.observing() as seen:
                page = seen.ask(partial(feed.look, asked.feed, name, asked.feed_token, "feed-token"))
                seen.ask(partial(feed.look, asked.feed, name, asked.connection_token, "connection-token"))
                for each in asked.workspace:
                    seen.ask(partial(workspace.exists, arm, each))
                published = seen.ask(partial(names, asked.feed, asked.feed_token))
                known = [seen.ask(partial(workspace.connections, arm, each)) for each in asked.workspace]
                allowed = [seen.ask(partial(workspace.permissions, arm, each)) for each in asked.workspace]
                pinned = seen.ask(partial(image.pin, asked.base_image))
            feed.settle(asked.feed, page.result(), published.result(), asked.feed_token)
            done += [asked.feed.label, *(each.name for each in asked.workspace), f"signed in by {credential.label}"]
        found = map(workspace.Seen, _results(known), _results(allowed))
        return World(arm, pinned.result(), published.result(), tuple(found))

    def build(self, folder: Path) -> tuple[Wheel, ...]:
        """Build (into `folder`) or find the wheels, and refuse what couldn't be published or used later."""
        asked, host = self.asked, self.host
        with host.stage("Find wheels" if asked.wheel else "Build") as done:
            for name in process.withheld(self.environ) if not asked.wheel else ():
                host.warning(f"{name} holds a credential, so the build, which runs the project's code, doesn't get it.")
            paths = self._given() or wheel.build(asked.package_dir, folder, host.foreign)
            wheels = tuple(wheel.inspect(path) for path in paths)
            wheel.check_together(wheels)
            tag = source.tag(self.environ)
            if tag:
                wheel.check_tag(tag, wheels)
            for each in wheels:
                feed.refuse_unpublishable(each, asked.feed)
                wheel.check_fit(each, asked.python_version)
                self._check_description(each)
            done += [f"{each.filename} ({each.size / 1024:.0f} kB, sha256 {each.sha256[:12]}…)" for each in wheels]
        return wheels

    def _given(self) -> list[Path]:
        """Return the wheels that were built elsewhere, if any were named."""
        return wheel.find(self.asked.wheel, Path(self.asked.output_dir))

    def _check_description(self, built: Wheel) -> None:
        problem = wheel.check_description(built)
        if problem:
            self.host.foreign(problem)
            self.host.warning(f"{built.filename} doesn't pass twine check: its description won't show as intended.")

    def lock(self, wheels: tuple[Wheel, ...], world: World) -> tuple[Pin, ...]:
        """Resolve the dependencies of `wheels`."""
        asked = self.asked
        with self.host.stage("Lock") as done:
            wanted = lock.Wanted(wheels, lock.requirements(asked.requirements, Path()), asked.python_version)
            sources = lock.Sources(asked.feed, asked.feed_token, world.published, asked.index == "only")
            recheck = partial(feed.look, asked.feed, wheels[0].name, asked.feed_token, "feed-token")
            pins = lock.resolve(wanted, sources, recheck, self.host.say)
            done.append(f"{len(pins)} locked, {sum(pin.private for pin in pins)} from the feed")
        return pins

    def define(self, wheels: tuple[Wheel, ...], pins: tuple[Pin, ...], world: World) -> Release:
        """Derive everything that the release is going to be."""
        asked = self.asked
        folders = [Path()] if asked.wheel else [Path(each) for each in asked.package_dir]
        code = source.detect(folders, self.environ)
        if code.dirty:
            self.host.warning("The project has uncommitted changes: the receipt's commit doesn't tell all of the code.")
        base = environment.Base(world.image, asked.python_version)
        index = asked.feed.option(only=asked.index == "only")
        return Release(
            source=code,
            wheels=wheels,
            feed=asked.feed,
            connection=Connection.of(asked.feed, asked.connection_name),
            workspaces=asked.workspace,
            environment=environment.define(asked.environment_name, wheels[0], pins, base, index),
            lock=emit.lock_text(pins, asked.python_version, [index]),
            tools={"amlwheel": __version__, **{name: version(name) for name in ("build", "twine", "uv")}},
        )

    def plan(self, release: Release, world: World) -> Changes:
        """Compare what is wanted with what there is; a conflict anywhere stops here, before the first effect."""
        asked, host = self.asked, self.host
        with host.stage("Plan") as done:
            with plan.observing() as seen:
                wheels = [
                    seen.ask(partial(feed.plan, asked.feed, each, asked.feed_token, host.warning))
                    for each in release.wheels
                ]
                store = partial(workspace.plan_connection, world.arm, release.connection, asked.connection_token)
                places = list(zip(asked.workspace, world.workspaces, strict=True))
                stored = [seen.ask(partial(store, *place)) for place in places]
                register = partial(workspace.plan_environment, world.arm, release.environment, release.tags())
                registered = [seen.ask(partial(register, *place)) for place in places]
            changes = Changes(_results(wheels), _results(stored), _results(registered))
            done.append(f"{changes.count} to change, {len(changes.all) - changes.count} to keep")
        for line in receipt.table(changes.all):
            host.say(f"       {line}")
        return changes

    def render(self, release: Release) -> dict[str, str]:
        """Return the text of each file to emit, after a look that none of them holds a secret."""
        texts = emit.files(release.environment, release.lock, receipt.receipt(release), release.tags())
        for name, text in texts.items():
            if self.host.leaks(text):
                message = f"{name} would hold a secret, so nothing was changed or written."
                raise Unexpected(message)
        return texts

    def apply(self, title: str, changes: Sequence[Change[Any]]) -> None:
        """Run the effects of `changes` in order."""
        with self.host.stage(title) as done:
            plan.apply(changes, lambda change: self.host.say(f"{change.verb.value} {change.subject}"))
            count = sum(change.changes for change in changes)
            done.append(f"{count} changed" if count else "nothing to do")

    def prove(self, release: Release, changes: Changes) -> str:
        """Prove that the environment installs, before it is registered: so nobody can use one that doesn't.

        Returns a sentence for the summary.
        """
        if self.asked.verify == "none":
            return "Not proven: `verify` is none."
        if all(change.verb is Verb.KEEP for change in changes.environments):
            self.host.say("skip   Prove · the environment is kept; it was proven before it was registered")
            return "Proven when it was registered."
        modules = [module for each in release.wheels for module in each.modules]
        with self.host.stage("Prove") as done:
            token = self.asked.connection_token
            proven = proof.prove(release.environment, release.connection, token, modules, self.host.foreign)
            done.append(proven)
        return f"Proven: {proven}."

    def report(self, release: Release, texts: Mapping[str, str], changes: Changes, proven: str) -> None:
        """Write the files, set the outputs, write the summary, and print the few lines that a person wants.

        The files come last: they describe a release that exists (or, in a dry run, one that could).
        """
        asked, host = self.asked, self.host
        emit.write(Path(asked.output_dir), texts, release.wheels)
        folder = Path(asked.output_dir).as_posix()
        changed = bool(changes.count)
        host.summary(receipt.summary(release, changes.all, dry_run=asked.dry_run, proof=proven))
        host.say()
        host.outputs(receipt.outputs(release, folder, changed=changed))
        host.say()
        for line in receipt.closing(release, folder, dry_run=asked.dry_run, changed=changed):
            host.say(line)


def _results(futures: Sequence[Future[Any]]) -> tuple[Any, ...]:
    return tuple(future.result() for future in futures)
