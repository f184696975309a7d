"""The lock of what the projects declare, made while they are built. It counts if their wheels say the same."""

import base64
import hashlib
import zipfile
from collections.abc import Callable, Sequence
from concurrent import futures
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from packaging import metadata
from packaging.utils import canonicalize_name
from typing_extensions import Self

from ..build import declared, wheel
from ..environment import lock
from ..environment.requirements import Requirements
from ..environment.sources import Sources
from ..feed.artifacts import Facts
from ..inputs.step import Inputs
from ..model.declared import Declared
from ..model.lock import Lock
from ..model.wheel import Wheel
from ..plan import observe
from ..transport import process, sandbox
from . import doors, needs, origins
from .access import First


@dataclass
class EarlyLock:
    """One resolution of what `inputs`' projects declare and `asked` adds, in `folder`; there may be none.

    uv has the feed's token while code of others runs: so it is made only where Landlock keeps the two apart. What is
    built for the lock, or what the feed would save, waits for the true wheels.
    """

    asked: Declared
    inputs: Inputs
    folder: Path
    _found: "futures.Future[_Found | None] | None" = None
    _begun: bool = False
    _ended: bool = False

    def __enter__(self) -> Self:
        """Begin nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the resolution, and wait for that: its files go with it."""
        self._ended = True
        while self._begun and self._found and not self._found.done():
            for child in process.RUNNING - process.OTHERS:
                if Path(str(child.args[0] if isinstance(child.args, list) else "")).name.startswith("uv"):
                    process.end(child)
            futures.wait([self._found], 0.05)

    def begin(self, access: First) -> None:
        """Begin as soon as the feed has told which packages are its own, where the lock may be known so early."""
        inputs = self.inputs
        later = inputs.wheel or inputs.from_source or inputs.from_commit or inputs.route == "git"
        if not (later or sandbox.lacking()):
            self._found = observe.in_background(partial(self._find, access))

    def resolve(
        self,
        requirements: Requirements,
        sources: Sources,
        recheck: Callable[[], object],
        echo: Callable[[str], None],
        build: lock.Build | None = None,
    ) -> Lock:
        """Return what `lock.resolve` returns, or what is known already if it was the same question.

        Raises what `lock.resolve` raises.
        """
        found = self._answer() if self._found else None
        if found and found.is_for(requirements, sources):
            for line in found.said:
                echo(line)
            return found.of(requirements.wheels)
        return lock.resolve(requirements, sources, recheck, echo, build)

    def _answer(self) -> "_Found | None":
        try:
            return self._found.result() if self._found else None
        except Exception:  # noqa: BLE001  # asked again with the true wheels, it has its true cause
            return None

    def _find(self, access: First) -> "_Found | None":
        facts = Facts(access.names.result())
        if access.feed and doors.needed(self.inputs, facts):
            facts = access.feed.facts.result()
        limit = access.limited.result()
        self._begun = True  # before the next line: whoever ends it waits then, or it doesn't begin
        if self._ended or doors.needed(self.inputs, facts):
            return None
        inputs, asked = self.inputs, self.asked
        self.folder.mkdir()
        wheels = tuple(filter(None, (_wheel(Path(each), self.folder) for each in inputs.package_dir)))
        if len(wheels) < len(inputs.package_dir):
            return None
        said: list[str] = []
        wanted = needs.requirements(asked, wheels, inputs.package_dir, inputs.python_version)
        chosen = origins.choose(inputs, wanted, facts, lambda _: None, asked)
        if wanted.addresses or needs.commits(asked, chosen.commits, wanted):
            return None
        sources = origins.sources(inputs, facts, chosen, limit.text)
        return _Found(wanted, sources, lock.resolve(wanted, sources, lambda: None, said.append), said)


@dataclass(frozen=True)
class _Found:
    """A question and its answer; `said` is what there was to say."""

    requirements: Requirements
    sources: Sources
    lock: Lock
    said: Sequence[str]

    def is_for(self, requirements: Requirements, sources: Sources) -> bool:
        """Tell whether the question is the same, but for the bytes of our wheels."""
        plain = partial(map, _plain)
        ours = replace(self.requirements, wheels=tuple(plain(self.requirements.wheels)))
        return ours == replace(requirements, wheels=tuple(plain(requirements.wheels))) and self.sources == sources

    def of(self, wheels: Sequence[Wheel]) -> Lock:
        """Return the lock with the sha256 of the `wheels`."""
        own = {each.project: each.sha256 for each in wheels}
        pins = (replace(pin, sha256=(own[pin.name],)) if pin.name in own else pin for pin in self.lock.pins)
        return replace(self.lock, pins=tuple(pins))


def _plain(wheel: Wheel) -> Wheel:
    """Return what a resolver reads of a wheel."""
    return replace(wheel, path=Path(wheel.filename), sha256="", size=0, metadata_version="", modules=())


def _wheel(project: Path, folder: Path) -> Wheel | None:
    """Write the wheel that a project declares, without its code; None if only a build knows what it will say.

    Raises BadWheel, and what `packaging` raises, for what the build refuses later.
    """
    text = declared.metadata(project)
    if not text:
        return None
    said = metadata.Metadata.from_email(text, validate=False)
    stem = f"{canonicalize_name(said.name).replace('-', '_')}-{said.version}"
    files = {"METADATA": text, "WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n"}
    lines = [_recorded(f"{stem}.dist-info/{name}", each) for name, each in files.items()]
    files["RECORD"] = "".join([*lines, f"{stem}.dist-info/RECORD,,\n"])
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in files.items():
            archive.writestr(f"{stem}.dist-info/{name}", each)
    return wheel.inspect(path)


def _recorded(name: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(text.encode())}\n"
