"""What was uploaded later doesn't count: the real uv on an index with upload times."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from amlwheel.environment.lock import resolve
from amlwheel.environment.requirements import Requirements
from amlwheel.environment.solver import Solver
from amlwheel.errors.environment import Unsatisfiable, UploadedLater
from amlwheel.model.lock import Lock
from amlwheel.transport import variables
from unit.environment.shelf import NOWHERE, PYTHON, Shelf, shelf, versions
from unit.parts import FEED

__all__ = ["shelf"]

MAY, JUNE, JULY = "2025-05-01T00:00:00Z", "2025-06-01T12:00:00Z", "2025-07-01T08:30:00.5Z"
pytestmark = pytest.mark.enable_socket


@dataclass
class Index:
    """A shelf as an index over HTTP; `times` are those of its files by name, the others have none."""

    shelf: Shelf
    times: dict[str, str] = field(default_factory=dict)

    def wheel(self, name: str, version: str, *requires: str, at: str = "", tag: str = "py3-none-any") -> None:
        """Upload a wheel at a time."""
        self.shelf.wheel(name, version, *requires, tag=tag)
        if at:
            self.times[f"{name.replace('-', '_')}-{version}-{tag}.whl"] = at

    def page(self, name: str) -> bytes:
        """Return a page (PEP 691, 700)."""
        paths = sorted((self.shelf.folder / "files").glob(f"{name.replace('-', '_')}-*"))
        return json.dumps(
            {"meta": {"api-version": "1.1"}, "name": name, "files": list(map(self._file, paths))}
        ).encode()

    def _file(self, path: Path) -> dict[str, Any]:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        time = {"upload-time": self.times[path.name]} if path.name in self.times else {}
        return {"filename": path.name, "url": f"files/{path.name}", "hashes": {"sha256": digest}, **time}

    def lock(self, *requires: str, until: str = JUNE) -> Lock:
        """Return the lock as of a time."""
        return resolve(self.shelf.needs(*requires), replace(NOWHERE, until=until), lambda: None, print)


@pytest.fixture
def index(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """Serve a shelf, which is the public index for uv."""
    made = Index(shelf)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, _, file = self.path.strip("/").partition("/files/")
            path = shelf.folder / "files" / file
            self.send_response(200 if file or name in shelf.pages else 404)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            self.end_headers()
            self.wfile.write(path.read_bytes() if file else made.page(name))

        def do_HEAD(self) -> None:
            self.send_response(405)  # then uv reads a wheel's metadata from the whole file
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    plain = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{server.server_address[1]}/"}
    told = variables.for_tool()
    monkeypatch.setattr(variables, "for_tool", lambda: told | plain)
    yield made
    server.shutdown()
    server.server_close()


def test_a_lock_is_that_of_the_day(index: Index) -> None:
    index.wheel("outer", "1.0", "inner", at=MAY)
    index.wheel("outer", "2.0", "inner", at=JULY)
    index.wheel("inner", "1.0", at=MAY)
    index.wheel("inner", "1.0", at=JULY, tag="py311-none-any")
    index.wheel("inner", "1.1", at=JULY)
    locked = index.lock("outer")
    assert versions(locked) == {"outer": "1.0", "inner": "1.0"}
    assert [len(pin.sha256) for pin in locked.pins] == [1, 1, 1]
    assert (locked.warnings, locked.gaps, locked.untimed) == ((), (), frozenset())
    assert versions(index.lock("outer", until="")) == {"outer": "2.0", "inner": "1.1"}


def test_what_only_a_later_upload_satisfies_is_named_with_its_time_and_two_ways_out(index: Index) -> None:
    index.wheel("outer", "1.0", at=MAY)
    index.wheel("outer", "2.0", "inner>=2", at=JULY)
    index.wheel("inner", "1.0", at=MAY)
    index.wheel("inner", "2.0", at="2025-08-01T00:00:00Z")
    with pytest.raises(UploadedLater) as caught:
        index.lock("outer>=2")
    shown = "inner 2.0, uploaded at 2025-08-01T00:00:00Z, outer 2.0, uploaded at 2025-07-01T08:30:00Z"
    assert caught.value.what == f"What the environment needs was uploaded after {JUNE}: {shown}."
    assert "Make a new commit" in caught.value.fix
    then = re.search(r"set `exclude-newer` to (\S+Z)\.", caught.value.fix)
    assert then
    assert versions(index.lock("outer>=2", until=then[1])) == {"outer": "2.0", "inner": "2.0"}


def test_a_contradiction_stays_one_whatever_comes_later(index: Index) -> None:
    index.wheel("outer", "1.0", "inner<1", at=MAY)
    index.wheel("outer", "2.0", "inner<1", at=JULY)
    index.wheel("inner", "1.0", at=MAY)
    index.wheel("inner", "2.0", at=JULY)
    with pytest.raises(Unsatisfiable):
        index.lock("outer", "inner>=1")


def test_what_had_no_wheel_for_this_python_yet_is_too_late_as_well(index: Index) -> None:
    index.wheel("outer", "1.0", at=MAY, tag="cp310-cp310-manylinux_2_28_x86_64")
    index.wheel("outer", "1.0", at=JULY, tag="cp311-cp311-manylinux_2_28_x86_64")
    with pytest.raises(UploadedLater, match=r"outer 1\.0, uploaded at 2025-07-01"):
        index.lock("outer")


def test_packages_without_upload_times_are_taken_and_told(index: Index) -> None:
    index.wheel("outer", "1.0", "middle", at=MAY)
    index.wheel("outer", "2.0", "middle", at=JULY)
    index.wheel("middle", "1.0", "inner")
    index.wheel("middle", "2.0", "inner")
    index.wheel("inner", "1.0", at=MAY)
    index.wheel("inner", "2.0")
    locked = index.lock("outer")
    assert versions(locked) == {"outer": "1.0", "middle": "2.0", "inner": "2.0"}
    assert locked.untimed == {"middle", "inner"}


def test_our_own_packages_and_the_feeds_are_under_no_limit(tmp_path: Path, shelf: Shelf) -> None:
    needs = shelf.needs("acme-tools")
    sources = replace(NOWHERE, feed=FEED, published=frozenset(["acme-tools"]), until=JUNE)
    solver = Solver(tmp_path, needs, sources, bound={"acme-tools"}, untimed={"torch"})
    told = solver.settings().splitlines()
    assert told[1:] == [
        f'exclude-newer = "{JUNE}"',
        'exclude-newer-package = { "acme-churn" = false, "acme-tools" = false, "torch" = false }',
    ]
    assert "exclude-newer" not in Solver(tmp_path, needs, NOWHERE).settings()


def test_sdists_have_names_too(tmp_path: Path) -> None:
    solver = Solver(tmp_path, Requirements((), (), PYTHON), NOWHERE)
    warning = "warning: `{}` is missing an upload date, but user provided: x\n"
    assert solver._lift(warning.format("zope.interface-5.0.tar.gz") + warning.format("a_b-1-py3-none-any.whl"))
    assert solver.untimed == {"zope-interface", "a-b"}
