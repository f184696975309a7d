"""The stages of a run, in their order. Nothing outside changes before `apply`."""

from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path

from .. import __version__
from ..build import package, tag, wheel
from ..errors.base import StepError, Unexpected
from ..feed import doubt, upstream
from ..git import source
from ..hosts import azure_variables
from ..hosts.host import Host
from ..inputs import readers
from ..inputs.step import Inputs
from ..model import environment
from ..model.declared import NOTHING, Declared
from ..model.environment import Base, Environment
from ..model.lock import Lock
from ..model.wheel import Wheel
from ..plan import observe
from ..plan.change import Change
from ..report import changed, files, outputs, receipt, sbom, summary
from ..report.release import Release
from ..transport import trace
from ..workspace.azureml.image_build import build_image
from . import applying, debugging, doors, images, limits, locking, origins, recipes
from .access import Access, ask, first, on_workspaces
from .building import Building
from .changes import Changes, news
from .early_lock import EarlyLock
from .fence import Fence
from .from_source import FromSource
from .proving import Proving


@dataclass(frozen=True)
class Stages:
    """The stages of one run. `environ` are the host's variables; `now` (UTC) is when the run began.

    `declared` is what the inputs and the team's files ask for beside the packages, `fence` is around code of others.
    """

    inputs: Inputs
    environ: Mapping[str, str]
    host: Host
    now: datetime
    fence: Fence
    declared: Declared = NOTHING

    def check_access(self, building: Building, early: EarlyLock | None = None) -> Access:
        """Ask every service at once if it is there and what the identity may do; meanwhile build and lock begin."""
        with self.host.stage("Check access") as done:
            try:
                begun = first(self.inputs, self.environ, self.now)
                if early:
                    early.begin(begun)
                # azureml-core's environment may have to be made first: it is among the files that are looked at.
                if not self.inputs.azureml:
                    building.begin(begun)
                asked = ask(begun, self.environ, self.host, self.now)
                self.fence.worker = asked.worker
                if self.inputs.azureml:
                    building.begin(begun)
                access = asked.settle()
            except BaseException as error:
                building.end()
                if isinstance(error, StepError):
                    doubt.tell(error, self.inputs.feed, azure_variables.organisation(self.environ))
                raise
            done.extend(access.reached)
        return access

    def build(self, building: Building, access: Access) -> tuple[Wheel, ...]:
        """Wait for the built wheels or find those that are given; refuse what couldn't be stored or used later."""
        inputs, host = self.inputs, self.host
        folders = () if inputs.wheel else inputs.package_dir
        with host.stage("Find wheels" if inputs.wheel else "Build") as done:
            paths = wheel.find(inputs.wheel, Path(inputs.output_dir)) or building.result(access)
            wheels = tuple(wheel.inspect(path) for path in paths)
            wheel.check_together(wheels)
            if host.tag:
                tag.check(host.tag, wheels, folders)
            for each, project in zip_longest(wheels, folders):
                access.route.refuse(each)
                package.check(each, project)
                wheel.check_fit(each, inputs.python_version)
                self._check_description(each)
            done += [f"{each.filename} ({each.size / 1024:.0f} kB, sha256 {each.sha256[:12]}…)" for each in wheels]
        return wheels

    def _check_description(self, built: Wheel) -> None:
        problem = wheel.check_description(built)
        if problem:
            self.host.foreign(problem)
            self.host.warning(f"{built.filename} doesn't pass twine check: its description won't show as intended.")

    def lock(
        self, wheels: tuple[Wheel, ...], folder: Path, access: Access, resolve: locking.Resolve | None = None
    ) -> Lock:
        """Resolve what `wheels` and the team's files require; what has to be built for it is built below `folder`."""
        with self.host.stage("Lock") as done:
            with doors.reading_of(self.inputs, access.facts, self.environ, self.host) as reading:
                others = FromSource(
                    self.inputs, access, self.environ, self.host, self.fence, folder / "from-source", reading
                )
                locked = locking.lock_all(self.declared, wheels, others, resolve)
            done.extend(f"by {each}" for each in filter(None, [self.declared.followed]))
            done.extend(origins.told(locked.pins))
            done.append(f"{len(locked.pins)} locked, {sum(pin.from_feed for pin in locked.pins)} from the feed")
            done.append(f"for {self.inputs.python_version.platform.tag}")
        for each in (*locked.warnings, *origins.unused(self.inputs, locked.pins)):
            self.host.warning(each)
        return locked

    def define(self, wheels: tuple[Wheel, ...], locked: Lock, access: Access) -> Release:
        """Return the release; everything in it is derived from content."""
        inputs = self.inputs
        folders = [Path()] if inputs.wheel else [Path(each) for each in inputs.package_dir]
        code = source.detect(folders, self.host.source)
        if code.dirty:
            self.host.warning("The project has uncommitted changes: the receipt's commit doesn't tell all of the code.")
        base = Base(access.image, inputs.python_version)
        options = [inputs.feed.option(only=inputs.feed_only)] if inputs.feed else []
        options += [f"--extra-index-url {each}" for each in sorted({pin.index for pin in locked.pins if pin.index})]
        pip_options = access.route.options(options)
        if not inputs.environment_name:
            readers.refuse_reserved(wheels[0].project)
        return Release(
            route=inputs.route,
            place=access.route.label,
            source=access.route.source(code),
            wheels=(*wheels, *locked.built),
            feed=inputs.feed,
            connection=access.connection,
            workspaces=inputs.workspace,
            environment=environment.define(
                inputs.environment_name, wheels[0], locked.pins, base, pip_options, conda=self.declared.conda
            ),
            lock=files.lock_text(locked.pins, inputs.python_version, options),
            tools={"amlwheel": __version__, **{name: version(name) for name in ("build", "twine", "uv")}},
            view=inputs.view,
            warnings=locked.warnings,
            gaps=locked.gaps,
            limit=access.limit,
            limited=(
                *limits.told(access.limit, locked, feed_only=inputs.feed_only, followed=self.declared.followed),
                *limits.unread(inputs.package_dir),
            ),
            notes=self.declared.notes,
            conda=self.declared.conda,
            team_lock=self.declared.followed,
        )

    def plan(self, release: Release, access: Access) -> Changes:
        """Compare the release with what exists; a conflict anywhere stops the run here, before the first effect."""
        inputs, host = self.inputs, self.host
        workspaces = list(zip(inputs.workspace, access.workspaces, strict=True))
        connect = partial(access.planner.connection, told=bool(inputs.connection_token_expires))
        registered: list[Future[Change[Environment]]] = []
        with host.stage("Plan") as done:
            if access.worker:
                done.append(access.worker.wait())
            with observe.observing() as observer:
                wheels = [observer.ask(each) for each in access.route.plans(release.wheels, inputs.workspaces)]
                promoted = [
                    observer.ask(each) for each in doors.promotions(inputs, access.facts, release, host.warning)
                ]
                saving = doors.saving(inputs, access.facts, release, self.environ)
                saved = [observer.ask(each) for each in saving]
                stored = [
                    observer.ask(partial(connect, release.connection, inputs.connection_token, *workspace))
                    for workspace in on_workspaces(inputs.workspace, access.workspaces)
                    if release.connection
                ]
                compare = partial(access.planner.compared, release.environment)
                older = [observer.ask(partial(compare, *each)) for each in workspaces]
                if access.route.late:
                    wait(wheels)  # registered environments are compared by the addresses of stored wheels
                for each, state in workspaces:
                    located = partial(access.route.located, release.environment, each)
                    registered.append(
                        observer.ask(partial(access.planner.environment, located, release.tags(), each, state))
                    )
            changes = Changes(
                observe.results(wheels),
                observe.results(promoted),
                observe.results(stored),
                observe.results(registered),
                observe.results(saved),
                news(older, registered, host),
                images.told(inputs, access.worker, observe.results(registered)),
            )
            applying.check(changes.targets, inputs.workspace, dry_run=inputs.dry_run)
            done.append(f"{changes.count} to change, {len(changes.all) - changes.count} to keep")
        host.progress.plan = changes.all
        self._tell(release, access, changes)
        return changes

    def _tell(self, release: Release, access: Access, changes: Changes) -> None:
        inputs, host = self.inputs, self.host
        news = changed.lines(release, changes.compared)
        host.debug("\n".join(debugging.decided(release)))
        for line in (*summary.table(changes.all), *changes.images, *news, *summary.declared(release)):
            host.say(f"       {line}")
        weight = self._proving(release, changes).weight
        if inputs.proves and weight.files and not (changes.kept or inputs.apply):
            host.say(f"       The proof needs {weight}; what this machine has in uv's cache isn't fetched")
        host.say(f"       Locked for Python {inputs.python_version.exact} on {inputs.python_version.platform.why}")
        if access.config:
            host.say(f"       Base image: {access.config.told(self.now)}")
        if access.facts.untold:
            unknown = "; ".join(access.facts.untold)
            host.say(f"       Azure DevOps doesn't say, since its interface takes other tokens: {unknown}")

    def render(self, release: Release, access: Access, changes: Changes) -> dict[str, str]:
        """Return the text of each file to emit; raise Unexpected if one would hold a secret.

        Where workspaces differ, in the addresses of stored wheels, the files show those of the first one.
        """
        environment = access.route.emitted(release.environment, release.workspaces[0], release.wheels)
        listed = sbom.text(release)
        data = receipt.receipt(release, changes.all, changes.compared, dry_run=self.inputs.dry_run, sbom=listed)
        texts = {**files.files(environment, release.lock, data, release.tags()), receipt.SBOM: listed}
        for name, text in texts.items():
            if self.host.leaks(text):
                raise Unexpected(f"{name} would hold a secret, so nothing was changed or written.")
        return texts

    def apply(self, release: Release, access: Access, changes: Changes) -> None:
        """Publish in order; then bring every workspace to what was planned for it, all at the same time."""
        applying.once("Publish", changes.once, self.host, self.fence)
        fetch = partial(access.route.fetch, release.wheels, self.inputs.connection_token)
        fetched = observe.in_background(fetch) if self.inputs.proves and not changes.kept else None
        applying.to_targets("Register", changes.targets, self.inputs.workspace, self.host, self.fence, fetched)

    def skip(self) -> None:
        """Say what a dry run leaves out."""
        self.host.say("skip   Publish, fetch, connect, register · dry run")

    def prove(self, release: Release, changes: Changes) -> str:
        """Prove that the environment works, before anything is changed; return a sentence for the summary."""
        if not self.inputs.proves:
            return "Not proven: `verify` is none."
        if changes.kept:
            self.host.say("skip   Prove · the environment is kept as it was registered")
            return "Not proven again: the environment is kept as it was registered."
        with self.host.stage("Prove") as done, self.fence.around():
            proven = self._proving(release, changes).prove()
            done.append(proven.partition("\n")[0])
        return proven

    def _proving(self, release: Release, changes: Changes) -> Proving:
        return Proving(self.inputs, self.environ, self.host, release, upstream.saving(changes.saved))

    def report(self, release: Release, access: Access, changes: Changes, proven: str) -> None:
        """Write files and summary, set the outputs, and print the last lines.

        The files come last: they describe a release that exists (or, in a dry run, one that could).
        """
        inputs, host = self.inputs, self.host
        files.write(Path(inputs.output_dir), self.render(release, access, changes), release.wheels)
        folder = Path(inputs.output_dir).as_posix()
        changed = bool(changes.count or host.progress.saved)
        page = summary.summary(release, changes.all, changes.compared, dry_run=inputs.dry_run, proof=proven)
        host.summary(page + summary.longest(trace.RUN.longest))
        for each in changes.images:
            host.summary(f"\n{each}.\n")
        host.say()
        host.outputs(outputs.outputs(release, folder, changes.all))
        host.say()
        for line in summary.closing(release, folder, dry_run=inputs.dry_run, changed=changed):
            host.say(line)

    def build_images(self, release: Release, access: Access) -> None:
        """Have each workspace build the image, if the user wants to wait for it."""
        if not access.worker or self.inputs.verify != "image":
            return
        for each in self.inputs.workspaces:
            with self.host.stage(f"Build the image on {each.name}") as done:
                result = build_image(access.worker, each, release.environment, self.host.foreign)
                self.host.summary(f"\nImage of `{release.environment.reference}` on {each.name}: {result}.\n")
                done.append(result)

    def check_recipes(self, release: Release, access: Access) -> None:
        """Compare what each workspace would build from with what was registered, if the user wants that."""
        if access.worker and self.inputs.verify == "recipe":
            recipes.check(self.host, access.worker, release, partial(access.route.located, release.environment))
