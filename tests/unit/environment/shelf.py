"""An index made of files (PEP 503), for the real uv: wheels and sdists that nobody but the test made."""

import hashlib
import html
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from amlwheel.build.wheel import inspect
from amlwheel.environment.lock import resolve
from amlwheel.environment.requirements import Requirements
from amlwheel.environment.solver import Solver
from amlwheel.environment.sources import Sources
from amlwheel.model.environment import Python
from amlwheel.model.lock import Lock, Sdist
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import Wheel
from packaging.requirements import Requirement
from unit.parts import pack

PYTHON = Python("3.11.13")
NOWHERE = Sources(None, Secret(""), frozenset(), only=False)


def metadata(name: str, version: str, *requires: str, more: str = "") -> str:
    """Return a package's metadata; an extra is provided by whoever names it in a marker."""
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"]
    return "".join([*lines, *(f"Requires-Dist: {each}\n" for each in requires)])


@dataclass
class Shelf:
    """The index below `folder`. `ran` is written by whatever sdist is built, and `built` by the fake build."""

    folder: Path
    pages: dict[str, list[str]] = field(default_factory=dict)
    built: list[Sdist] = field(default_factory=list)
    real: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def ran(self) -> Path:
        """The file that a setup.py writes when it is run."""
        return self.folder / "ran"

    def wheel(
        self, name: str, version: str, *requires: str, tag: str = "py3-none-any", yanked: str | None = None
    ) -> None:
        """Put a wheel on the shelf."""
        place = self.folder / "files"
        place.mkdir(exist_ok=True)
        said = metadata(name, version, *requires)
        self._show(name, pack(place, f"{name.replace('-', '_')}-{version}-{tag}.whl", said), yanked)

    def sdist(self, name: str, version: str, *requires: str, more: str = "") -> None:
        """Put an sdist on the shelf whose setup.py tells that it was run; its wheel will have these `requires`."""
        place = self.folder / "files"
        place.mkdir(exist_ok=True)
        stem = f"{name.replace('-', '_')}-{version}"
        files = {
            "PKG-INFO": metadata(name, version, more=more),
            "setup.py": f"import pathlib\npathlib.Path({str(self.ran)!r}).write_text('ran')\n",
        }
        self.real[stem] = requires
        self._show(name, tar(place / f"{stem}.tar.gz", {f"{stem}/{key}": text for key, text in files.items()}))

    def _show(self, name: str, path: Path, yanked: str | None = None) -> None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        mark = "" if yanked is None else f' data-yanked="{html.escape(yanked)}"'
        self.pages.setdefault(name, []).append(f'<a href="{path.as_uri()}#sha256={digest}"{mark}>{path.name}</a>\n')
        page = self.folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<!DOCTYPE html><html><body>" + "".join(self.pages[name]) + "</body></html>")

    def build(self, source: Sdist) -> Wheel:
        """Return the wheel of an sdist, in place of a real build."""
        self.built.append(source)
        place = self.folder / f"built-{len(self.built)}"
        place.mkdir()
        stem = f"{source.name.replace('-', '_')}-{source.version}"
        return inspect(pack(place, f"{stem}-py3-none-any.whl", metadata(source.name, source.version, *self.real[stem])))

    def needs(self, *requires: str, source: str = "", constraints: tuple[str, ...] = ()) -> Requirements:
        """Return what a user's package asks for."""
        place = self.folder / "own"
        place.mkdir(exist_ok=True)
        ours = inspect(pack(place, "acme_churn-1.2.3-py3-none-any.whl", metadata("acme_churn", "1.2.3", *requires)))
        limits = tuple(map(Requirement, constraints))
        return Requirements((ours,), (), PYTHON, limits, from_source=frozenset(source.split()))

    def lock(self, *requires: str, source: str = "") -> Lock:
        """Return the lock; our own package is in it as well."""
        return resolve(self.needs(*requires, source=source), NOWHERE, lambda: None, print, self.build)

    def solver(self, *requires: str) -> Solver:
        """Return a solver for what a user's package asks for."""
        place = self.folder / "scratch"
        place.mkdir(exist_ok=True)
        made = Solver(place, self.needs(*requires), NOWHERE)
        made.offer()
        return made


def tar(path: Path, files: Mapping[str, str]) -> Path:
    """Write a tar.gz of `files`."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            item = tarfile.TarInfo(name)
            item.size = len(text.encode())
            archive.addfile(item, io.BytesIO(text.encode()))
    return path


def versions(locked: Lock) -> dict[str, str]:
    """Return the locked versions without our own package."""
    return {pin.name: pin.version for pin in locked.pins if pin.name != "acme-churn"}


@pytest.fixture
def shelf(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Return an empty shelf, which is the public index for uv.

    uv's cache is that of all tests: it keeps what uv asked the interpreter, and a shelf's files by their paths.
    """
    folder = tmp_path / "shelf"
    (folder / "simple").mkdir(parents=True)
    for name in ("UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", (folder / "simple").as_uri() + "/")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "uv-cache"))
    return Shelf(folder)
