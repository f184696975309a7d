"""The build of the projects. Where its code is kept apart, it begins while access is checked; it ends if that fails."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..build import checkout, project, tag
from ..errors.base import TooSlow
from ..feed import relay
from ..feed.index import Index
from ..feed.relay import Published
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model.limit import Limit
from ..plan import observe
from ..transport import process, sandbox
from . import build_variables
from .access import Access, First
from .fence import Fence

PATIENCE = 20.0  # seconds; uv, which installs what a build requires, waits 30 for a page (uv, "HTTP_TIMEOUT")
Build = Callable[[tuple[str, ...], Path, Mapping[str, str]], list[Path]]


class Held:
    """What a build has to say to the host, kept until it is its turn: the log of a run has one order."""

    def __init__(self, host: Host) -> None:
        """Keep what is for `host`."""
        self._host = host
        self._lock = threading.RLock()
        self._kept: list[Callable[[], None]] | None = []
        self.style = host.style

    def _tell(self, say: Callable[[str], None], text: str) -> None:
        with self._lock:
            if self._kept is None:
                say(text)
            else:
                self._kept.append(partial(say, text))

    def say(self, text: str) -> None:
        """Print our own text; see `Host.say`."""
        self._tell(self._host.say, text)

    def foreign(self, text: str) -> None:
        """Print hostile text; see `Host.foreign`."""
        self._tell(self._host.foreign, text)

    def warning(self, text: str) -> None:
        """Show a warning; see `Host.warning`."""
        self._tell(self._host.warning, text)

    def leaks(self, text: str) -> bool:
        """Tell whether `text` holds a secret; see `Host.leaks`."""
        return self._host.leaks(text)

    def tell(self) -> None:
        """Say what was kept, and from now on everything at once."""
        with self._lock:
            for each in self._kept or ():
                each()
            self._kept = None


@dataclass
class Building:
    """One build of all projects, into `folder`.

    Where Landlock keeps builds from what belongs to the step, it runs beside the questions of the access check: it can
    neither read the process that asks nor change what that one loads meanwhile. Elsewhere it comes after them, and so
    it does with `route: git`, whose commit is fetched first.
    """

    inputs: Inputs
    environ: Mapping[str, str]
    host: Host
    fence: Fence
    folder: Path
    _early: Future[list[Path]] | None = None
    _unanswered: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Say nothing before it is the build's turn."""
        self._held = Held(self.host)

    def begin(self, asked: First) -> None:
        """Begin to build, if that may be before all is answered."""
        if not (sandbox.lacking() or self.inputs.wheel or self.inputs.route == "git"):
            self.fence.look()
            self._early = observe.in_background(partial(self._build_early, asked))

    def end(self) -> None:
        """End the build and wait for that: what it makes isn't wanted any more."""
        while self._early and not self._early.done():
            for child in tuple(process.OTHERS):
                process.end(child)
            futures.wait([self._early], 0.05)

    def result(self, access: Access) -> list[Path]:
        """Return the wheels, in the order of the folders. Raises what a build raises."""
        if not self._early or self._unanswered.is_set():
            self.end()
            folder = self.folder / "again" if self._early else self.folder
            return self._build(self.host, access.facts.published, access.limit, access.route.build, folder)
        try:
            self._held.tell()
            return self._early.result()
        except BaseException:
            self.end()
            raise

    def _build_early(self, asked: First) -> list[Path]:
        def build(projects: Sequence[str], into: Path, more: Mapping[str, str]) -> list[Path]:
            return project.build(projects, into, self._held.foreign, more)

        limit = asked.limited.result()  # known before a build changes the checkout
        return self._build(self._held, partial(self._published, asked), limit, build, self.folder)

    def _published(self, asked: First) -> frozenset[str] | None:
        """Return the names that are the feed's own. If uv, which waits, can't wait so long, the build is in vain."""
        try:
            return asked.names.result(PATIENCE)
        except futures.TimeoutError:
            self._unanswered.set()
            raise TooSlow("The feed didn't tell in time which packages are its own.") from None

    def _build(self, host: Host | Held, published: Published, limit: Limit, build: Build, into: Path) -> list[Path]:
        inputs = self.inputs
        if inputs.route != "git":  # whose commit is fetched anew, and with its submodules
            checkout.check(inputs.package_dir, tag.versions(self.host.tag) if self.host.tag else None)
        more = build_variables.of(inputs, self.environ, host)
        index = Index(inputs.feed, inputs.feed_token) if inputs.feed else None
        own = project.declared_names(inputs.package_dir)
        with relay.serve(index, published, own, host.say) as served, self.fence.around():
            return build(inputs.package_dir, into, more | limit.variables | served.variables(self.environ))
