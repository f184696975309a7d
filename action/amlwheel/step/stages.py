"""The stages of a run, each on what the ones before it found. Nothing outside changes before `apply`."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .. import __version__
from ..build import wheel
from ..environment import lock, proof, requirements
from ..environment.lock import Sources
from ..environment.requirements import Requirements
from ..errors.base import Unexpected
from ..errors.environment import Unsatisfiable
from ..feed import index, promote, upstream
from ..git import source
from ..hosts.host import Host
from ..inputs import readers
from ..inputs.step import Inputs
from ..model import environment
from ..model.azure import Connection
from ..model.environment import Base, Environment
from ..model.wheel import Pin, Wheel
from ..plan import change as plan_change
from ..plan import observe
from ..plan.change import Change, Verb
from ..report import files, outputs, receipt, sbom, summary
from ..report.release import Release
from ..transport import variables
from ..workspace.azureml import image_build
from ..workspace.azureml.process import Worker
from .access import Access, World

NOT_STORED = "https://not-stored-yet.invalid"  # RFC 2606


@dataclass(frozen=True)
class Changes:
    """The plan, in the order of its application: what fails most often first, what others will use last.

    `shown` is what has to happen in the feed before images can be built from it: promoted, or saved from an upstream.
    """

    wheels: tuple[Change[str], ...]
    shown: tuple[Change[Any], ...]
    connections: tuple[Change[Connection], ...]
    environments: tuple[Change[Environment], ...]

    @property
    def all(self) -> tuple[Change[Any], ...]:
        """Every change in order."""
        return (*self.wheels, *self.shown, *self.connections, *self.environments)

    @property
    def count(self) -> int:
        """How many of them change something."""
        return sum(change.changes for change in self.all)


@dataclass(frozen=True)
class Stages:
    """The stages of one run, with what all of them need: the inputs, the host's variables, the host itself, the time.

    `now` (UTC) is when the run began.
    """

    inputs: Inputs
    environ: Mapping[str, str]
    host: Host
    now: datetime

    def check_access(self) -> World:
        """Probe feed, tokens, workspaces and image, all at once."""
        with self.host.stage("Check access") as done:
            return Access(self.inputs, self.environ, self.host, self.now).check(done)

    def build(self, folder: Path, world: World) -> tuple[Wheel, ...]:
        """Build (into `folder`) or find the wheels, and refuse what couldn't be published or used later."""
        inputs, host = self.inputs, self.host
        with host.stage("Find wheels" if inputs.wheel else "Build") as done:
            for name in variables.withheld(self.environ) if not inputs.wheel else ():
                host.warning(f"{name} holds a credential, so the build, which runs the project's code, doesn't get it.")
            paths = wheel.find(inputs.wheel, Path(inputs.output_dir)) or world.route.build(inputs.package_dir, folder)
            wheels = tuple(wheel.inspect(path) for path in paths)
            wheel.check_together(wheels)
            if host.tag:
                wheel.check_tag(host.tag, wheels)
            for each in wheels:
                world.route.refuse(each)
                wheel.check_fit(each, inputs.python_version)
                self._check_description(each)
            done += [f"{each.filename} ({each.size / 1024:.0f} kB, sha256 {each.sha256[:12]}…)" for each in wheels]
        return wheels

    def _check_description(self, built: Wheel) -> None:
        problem = wheel.check_description(built)
        if problem:
            self.host.foreign(problem)
            self.host.warning(f"{built.filename} doesn't pass twine check: its description won't show as intended.")

    def lock(self, wheels: tuple[Wheel, ...], world: World) -> tuple[Pin, ...]:
        """Resolve the dependencies of `wheels`."""
        inputs = self.inputs
        with self.host.stage("Lock") as done:
            needs = Requirements(wheels, requirements.read(inputs.requirements, Path()), inputs.python_version)
            sources = Sources(inputs.feed, inputs.feed_token, world.facts.published, inputs.index == "only")
            try:
                pins = lock.resolve(needs, sources, self._recheck(wheels[0]), self.host.say)
            except Unsatisfiable as error:
                raise error if world.facts.upstream is not False else upstream.lacking(error) from None
            pins = world.route.place(pins, wheels)
            done.append(f"{len(pins)} locked, {sum(pin.from_feed for pin in pins)} from the feed")
        return pins

    def _recheck(self, built: Wheel) -> Callable[[], object]:
        """Return the question that tells whether it was the feed that failed, and why."""
        inputs = self.inputs
        return (
            partial(index.look, inputs.feed, built.name, inputs.feed_token, "feed-token")
            if inputs.feed
            else lambda: None
        )

    def define(self, wheels: tuple[Wheel, ...], pins: tuple[Pin, ...], world: World) -> Release:
        """Derive everything that the release is going to be."""
        inputs = self.inputs
        folders = [Path()] if inputs.wheel else [Path(each) for each in inputs.package_dir]
        code = source.detect(folders, self.host.source)
        if code.dirty:
            self.host.warning("The project has uncommitted changes: the receipt's commit doesn't tell all of the code.")
        if world.source:
            place = world.source.repository
            code = replace(code, repository=place.url, commit=place.commit, dirty=False)
        base = Base(world.image, inputs.python_version)
        options = [inputs.feed.option(only=inputs.index == "only")] if inputs.feed else []
        built_from = world.route.options(options)
        if not inputs.environment_name:
            readers.refuse_reserved(wheels[0].project)
        return Release(
            route=inputs.route,
            place=world.route.label,
            source=code,
            wheels=wheels,
            feed=inputs.feed,
            connection=world.connection,
            workspaces=inputs.workspace,
            environment=environment.define(inputs.environment_name, wheels[0], pins, base, built_from),
            lock=files.lock_text(pins, inputs.python_version, options),
            tools={"amlwheel": __version__, **{name: version(name) for name in ("build", "twine", "uv")}},
            view=inputs.view,
        )

    def plan(self, release: Release, world: World) -> Changes:
        """Compare what is wanted with what there is; a conflict anywhere stops here, before the first effect."""
        inputs, host = self.inputs, self.host
        places = list(zip(inputs.workspace, world.workspaces, strict=True))
        connect = partial(world.planner.connection, told=bool(inputs.connection_token_expires))
        registered: list[Future[Change[Environment]]] = []
        with host.stage("Plan") as done:
            if world.worker:
                done.append(self._open(world.worker))
            with observe.observing() as seen:
                wheels = [seen.ask(each) for each in world.route.plans(release.wheels, inputs.workspace)]
                shown = [seen.ask(each) for each in self._shown_plans(release, world)]
                stored = [
                    seen.ask(partial(connect, release.connection, inputs.connection_token, *place))
                    for place in places
                    if release.connection
                ]
                if world.route.late:
                    wait(wheels)  # what is registered is compared with the addresses that are found
                for each, found in places:
                    located = partial(world.route.located, release.environment, each)
                    registered.append(
                        seen.ask(partial(world.planner.environment, located, release.tags(), each, found))
                    )
            changes = Changes(
                observe.results(wheels), observe.results(shown), observe.results(stored), observe.results(registered)
            )
            done.append(f"{changes.count} to change, {len(changes.all) - changes.count} to keep")
        for line in summary.table(changes.all):
            host.say(f"       {line}")
        if world.facts.untold:
            told = "not told by Azure DevOps, whose interface takes other tokens"
            host.say(f"       {told}: {'; '.join(world.facts.untold)}")
        return changes

    @staticmethod
    def _open(worker: Worker) -> str:
        """Wait until azureml-core has opened every workspace, or raise why it can't; return how long that took."""
        start = time.monotonic()
        with observe.observing() as seen:
            for opened in worker.opened.values():
                seen.ask(opened.result)
        return f"azureml-core ready in {worker.ready:.1f} s, waited {time.monotonic() - start:.1f} s"

    def _shown_plans(self, release: Release, world: World) -> Iterator[Callable[[], Change[Any]]]:
        """Yield what plans that images can be built from the feed: each wheel's promotion, and saving from upstream."""
        inputs, token = self.inputs, self.inputs.feed_token
        if not inputs.feed or not inputs.feed.is_artifacts:
            return
        for each in release.wheels if inputs.view else ():
            promoted = world.facts.spelled(inputs.view)
            yield partial(promote.plan, inputs.feed, promoted, each, token, self.host.warning)
        if inputs.index == "only" and inputs.connects and world.facts.upstream is not False:
            own = {each.project for each in release.wheels}
            pins = [pin for pin in release.environment.pins if pin.name not in own]
            yield partial(upstream.plan, inputs.feed, pins, token, inputs.connection_token)

    def render(self, release: Release, world: World, changes: Changes) -> dict[str, str]:
        """Return the text of each file to emit, after a look that none of them holds a secret.

        Where workspaces differ, in the addresses of stored wheels, it is the first one's. A dry run can't know the
        address of a wheel that isn't stored yet: no tool will take what stands there.
        """
        first = world.route.located(release.environment, release.workspaces[0])
        if self.inputs.dry_run:
            first = first.at({each.filename: f"{NOT_STORED}/{each.filename}" for each in release.wheels})
        listed = sbom.text(release)
        told = receipt.receipt(release, changes.all, dry_run=self.inputs.dry_run, sbom=listed)
        texts = {**files.files(first, release.lock, told, release.tags()), receipt.SBOM: listed}
        for name, text in texts.items():
            if self.host.leaks(text):
                raise Unexpected(f"{name} would hold a secret, so nothing was changed or written.")
        return texts

    def apply(self, title: str, changes: Sequence[Change[Any]]) -> None:
        """Run the effects of `changes` in order."""
        with self.host.stage(title) as done:
            plan_change.apply(changes, lambda change: self.host.say(f"{change.verb.value} {change.subject}"))
            count = sum(change.changes for change in changes)
            done.append(f"{count} changed" if count else "nothing to do")

    def prove(self, release: Release, world: World, changes: Changes) -> str:
        """Prove that the environment installs, before it is registered: so nobody can use one that doesn't.

        Returns a sentence for the summary.
        """
        if self.inputs.verify == "none":
            return "Not proven: `verify` is none."
        if all(change.verb is Verb.KEEP for change in changes.environments):
            self.host.say("skip   Prove · the environment is kept; it was proven before it was registered")
            return "Proven when it was registered."
        modules = [module for each in release.wheels for module in each.modules]
        with self.host.stage("Prove") as done:
            local = world.route.local(release.environment, release.wheels)
            token = self.inputs.connection_token
            proven = proof.prove(local, release.connection, token, modules, self.host.foreign)
            done.append(proven)
        return f"Proven: {proven}."

    def build_images(self, release: Release, world: World) -> None:
        """Have each workspace build the image, if the user wants to wait for it."""
        for each in release.workspaces if self.inputs.verify == "image" else ():
            with self.host.stage(f"Build the image on {each.name}") as done:
                if world.worker:
                    said = image_build.build_image(world.worker, each, release.environment, self.host.foreign)
                    self.host.summary(f"\nImage of `{release.environment.reference}` on {each.name}: {said}.\n")
                    done.append(said)

    def report(self, release: Release, world: World, changes: Changes, proven: str) -> None:
        """Write the files, set the outputs, write the summary, and print the few lines that a person wants.

        The files come last: they describe a release that exists (or, in a dry run, one that could).
        """
        inputs, host = self.inputs, self.host
        files.write(Path(inputs.output_dir), self.render(release, world, changes), release.wheels)
        folder = Path(inputs.output_dir).as_posix()
        changed = bool(changes.count)
        host.summary(summary.summary(release, changes.all, dry_run=inputs.dry_run, proof=proven))
        host.say()
        host.outputs(outputs.outputs(release, folder, changed=changed))
        host.say()
        for line in summary.closing(release, folder, dry_run=inputs.dry_run, changed=changed):
            host.say(line)
