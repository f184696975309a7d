"""What stands between code of others (builds, imported packages) and all that runs with a token."""

import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from ..feed import artifacts
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..plan import observe
from ..report import sbom
from ..transport import installed, sandbox
from ..transport.installed import Stamp
from ..workspace.azureml.process import Worker

# What a run needs later, or beside a build, and nothing has imported yet: afterwards Python would have to compile it.
LATER = ("twine.commands.check", "twine.package", "twine.settings", *sbom.NEEDED)
SIGN_IN, STORAGE = "azure.identity", "azure.storage.blob"


def later(inputs: Inputs) -> list[Callable[[], object]]:
    """Return what imports that, for the run that `inputs` ask for."""
    names = [SIGN_IN, *LATER, *([STORAGE] if inputs.route == "storage" else [])]
    packages = [artifacts.load] if inputs.feed and inputs.feed.is_artifacts else []
    return [*packages, *(partial(importlib.import_module, each) for each in names)]


@dataclass
class Fence:
    """Compares, after each stretch of such code, the step's own files and the host's with those before the first.

    `later` imports what is needed later: before such code runs, or beside it where that can't write the step's files.
    `worker` is azureml-core, once it is started. It is idle while such code runs, and has loaded what it needs.
    """

    host: Host
    later: Sequence[Callable[[], object]] = ()
    worker: Worker | None = None
    _before: dict[str, Stamp] = field(default_factory=dict)
    _imported: Future[None] | None = None

    def __post_init__(self) -> None:
        """Import in the background what is needed later, if such code waits for that."""
        if sandbox.lacking():
            self._imported = observe.in_background(self._import)

    def look(self) -> None:
        """Look at the step's files before anything else takes the processor; azureml-core's may not be there yet."""
        if not self.worker:
            self._before = self._before or installed.look()

    def _import(self) -> None:
        for each in self.later:
            each()

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        """Run code of others in the block. Raises ToolsChanged, HostFilesChanged at its end, however it ends."""
        imported = self._imported = self._imported or observe.in_background(self._import)
        if sandbox.lacking():
            imported.result()
            installed.freeze()
        else:
            imported.add_done_callback(lambda _: installed.freeze())
        if self.worker:
            self.worker.wait()  # it has its environment by then, at which is looked, too
        self._before = self._before or installed.look()
        try:
            yield
        finally:
            self.check()

    def check(self) -> None:
        """Raise ToolsChanged or HostFilesChanged if such code has changed what it may not."""
        self.host.check_files()
        if self._before:
            installed.check(self._before)
