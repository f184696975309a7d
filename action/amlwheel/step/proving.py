"""The proof of a release before its first write: install the lock, import the packages, or ask for the files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..environment import imports, interpreter, proof
from ..environment.imports import Imported
from ..environment.weight import Weight, ask, check_room
from ..errors.environment import NotImportable, ProofFailed
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..plan.change import Change
from ..report.release import Release
from ..transport import sandbox
from ..transport.download import Downloads

WAITS = "its packages may have to be saved in the feed first, which a dry run doesn't do"


@dataclass(frozen=True)
class Proving:
    """The proof of one release.

    `save` is given where packages come through the feed from its upstream, and only the token that publishes gets them
    by now: it saves them there. Its result are their names, if the public index has the same files.
    """

    inputs: Inputs
    environ: Mapping[str, str]
    host: Host
    release: Release
    save: Change[frozenset[str]] | None = None

    @property
    def weight(self) -> Weight:
        """What it fetches."""
        return Weight.of(self.release.environment, self.release.wheels)

    def prove(self) -> str:
        """Prove the release as the user wants it; return a sentence for people, and below it what would prove more.

        Raises ProofFailed, ImportFailed, NotImportable, NoRoom, NotSaved, NoNetwork, TooSlow.
        """
        if self._saves and self.inputs.dry_run:
            return f"Not proven: {WAITS}."
        if self.inputs.verify == "files":
            return self._files()
        check_room(self.weight)
        with sandbox.scratch() as folder:
            with self.host.waiting(f"installing {self.weight}"):
                count = self._install(folder)
            with self.host.waiting("importing"):
                return self._import(folder / "site", f"{count} installed ({self.weight})")

    @property
    def _saves(self) -> bool:
        """Whether the proof itself may save packages in the feed: nobody else has them, or no token only reads."""
        feed, inputs = self.inputs.feed, self.inputs
        through = inputs.feed_only and not inputs.connects and feed is not None and feed.is_artifacts and not feed.view
        return through or (self.save is not None and not self.save.result)

    def _install(self, folder: Path) -> int:
        inputs, release = self.inputs, self.release
        # The workspace's token can only read. So it is taken wherever it gets the files.
        token = inputs.connection_token if inputs.connects and not self._saves else inputs.feed_token
        elsewhere = self.save.result if self.save else frozenset[str]()
        environment = release.environment.taking(elsewhere)
        try:
            return proof.install(environment, release.wheels, inputs.feed, token, folder, self.host.foreign)
        except ProofFailed:
            if self.save and not elsewhere:
                self.save.effect()  # raises what the feed itself says, which uv doesn't show
            raise

    def _files(self) -> str:
        """Ask for each file; those of the feed that have to be saved first are looked at when they are."""
        inputs, weight = self.inputs, self.weight
        asked = Weight(tuple(each for each in weight.files if not (self.save and each[0].from_feed)))
        token = inputs.connection_token if inputs.connects else inputs.feed_token
        count = ask(asked, Downloads(inputs.feed, token, self.environ, ProofFailed))
        rest = len(weight.files) - count
        untold = f", {rest} not asked" if rest else ""
        return f"Files proven, nothing installed or imported: {count} of {weight}, are there{untold}."

    def _import(self, site: Path, installed: str) -> str:
        modules = [module for each in self.release.own for module in each.modules]
        if not modules:
            return f"Proven: {installed}; nothing in them to import."
        python = self.release.environment.base.python
        found = interpreter.find(python, self.environ)
        if isinstance(found, interpreter.Missing):
            lines = self.host.python_lines(python.minor) if found.python else ""
            return self._not_imported(installed, found.why, lines)
        given = [each.path.parent for each in self.release.wheels if self.inputs.wheel]
        projects = [] if self.inputs.wheel else [Path(each) for each in self.inputs.package_dir]
        conda = bool(self.release.conda.lines)
        done = imports.check(site, modules, found, given, conda=conda, projects=projects)
        left = len(modules) - len(done.modules) - len(done.elsewhere)
        more = f" and not {left} more" if left else ""
        if done.elsewhere:
            return self._elsewhere(installed, done)
        return f"Proven: {installed}; imported {', '.join(done.modules)}{more}."

    def _elsewhere(self, installed: str, done: Imported) -> str:
        """Warn of what the image may have and this machine hasn't."""
        why = f"this machine hasn't what the image may have: {'; '.join(done.elsewhere)}"
        also = f"imported {', '.join(done.modules)}; " if done.modules else ""
        return self._not_imported(installed, f"{also}{why}", "")

    def _not_imported(self, installed: str, why: str, lines: str) -> str:
        """Warn that the import was left out, or stop if the user wants it; `lines` give the job what is missing."""
        if self.inputs.verify == "import":
            put = f"Put these lines before the step:\n{lines}" if lines else ""
            raise NotImportable(f"The packages can't be imported here: {why}.", fix=put)
        below = f"\n{lines}" if lines else ""
        put = f" These lines, before the step, give it one:{below}" if lines else ""
        self.host.warning(f"The packages were installed, not imported: {why}.{put}")
        return f"Installed, not imported: {installed}; {why}.{below}"
