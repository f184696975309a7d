"""A lock of gigabytes for ``scripts/bench --lock-mb``: wheels that take no room, and the index on loopback with them.

Their blocks are holes of a sparse file, read as zeros: size, sha256 and the time to install are those of true bytes.
"""

import base64
import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .command.options import Options
from .command.rehearse import BOOTSTRAP, step_arguments, step_environment
from .proxy.world import World

Run = Callable[[list[str], Mapping[str, str]], str]
"""Runs a command with an environment to its end, and returns what it printed."""
FILES = 6
"""Packages: CUDA's lock has a few large ones."""
PROVE = re.compile(r"^ok +Prove · .* ([\d.]+) s$", re.MULTILINE)
_JSON = "application/vnd.pypi.simple.v1+json"
_BLOCK = 2**22  # bytes
_ZEROS = bytes(2**20)


class _Holes(io.FileIO):
    """A file in which `_ZEROS` takes no room."""

    def write(self, data: object) -> int:
        """Write, or leave a hole."""
        if data is not _ZEROS:
            return super().write(data)  # type: ignore[arg-type]  # bytes, in each of zipfile's calls
        self.seek(len(_ZEROS), os.SEEK_CUR)
        return len(_ZEROS)


def write_wheel(folder: pathlib.Path, name: str, megabytes: int = 0, requires: tuple[str, ...] = ()) -> pathlib.Path:
    """Write a wheel of one module and so many megabytes of zeros; `NAME.whl.metadata` lies beside it (PEP 658)."""
    path, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}"
    texts = {f"{name}/__init__.py": "", f"{info}/METADATA": about}
    texts[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    digests = {each: hashlib.sha256(text.encode()) for each, text in texts.items()}
    digests[f"{name}/zeros.bin"] = zeros = hashlib.sha256()
    for _ in range(megabytes):
        zeros.update(_ZEROS)
    listed = "".join(f"{each},sha256={_encoded(digest.digest())},\n" for each, digest in digests.items())
    listed += f"{info}/RECORD,,\n"
    with _Holes(path, "w+") as file, zipfile.ZipFile(file, "w") as archive:
        for each, text in {**texts, f"{info}/RECORD": listed}.items():
            archive.writestr(each, text)
        with archive.open(f"{name}/zeros.bin", "w") as content:
            for _ in range(megabytes):
                content.write(_ZEROS)
    path.with_name(f"{path.name}.metadata").write_text(about, "utf-8")
    return path


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@contextlib.contextmanager
def serve(folder: pathlib.Path, rate: float = 0) -> Iterator[tuple[str, list[int]]]:
    """Serve the wheels of a folder as an index; give its address, and the bytes of files that were sent.

    With `rate`, all connections together get so many megabytes a second, as through a network.
    """
    sent, pace = list[int](), threading.Lock()
    hashes = {each.name: _sha256(each) for each in folder.iterdir()}

    class Answer(BaseHTTPRequestHandler):
        """An index as PEP 691, and files by range."""

        def do_GET(self) -> None:
            kind, name = self.path.strip("/").split("/")
            if kind == "simple":
                body = _page(folder, name, hashes)
                self._head(200 if body else 404, len(body), **{"Content-Type": _JSON})
                self.wfile.write(body)
                return
            path = folder / name
            size = path.stat().st_size
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            start, end = (int(asked[1]), min(int(asked[2] or size), size - 1)) if asked else (0, size - 1)
            more = {"Content-Range": f"bytes {start}-{end}/{size}"} if asked else {}
            self._head(206 if asked else 200, end - start + 1, **more)
            with path.open("rb") as file:
                self.wfile.flush()
                for place in range(start, end + 1, _BLOCK):
                    count = min(_BLOCK, end + 1 - place)
                    with pace if rate else contextlib.nullcontext():
                        time.sleep(count / 2**20 / rate if rate else 0)
                    sent.append(self.connection.sendfile(file, place, count))

        def _head(self, status: int, length: int, **more: str) -> None:
            self.send_response(status)
            for each, text in {"Content-Length": str(length), "Accept-Ranges": "bytes", **more}.items():
                self.send_header(each, text)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/", sent
    finally:
        server.shutdown()
        server.server_close()


def _page(folder: pathlib.Path, name: str, hashes: Mapping[str, str]) -> bytes:
    """Return a package's page, empty if there is none."""
    found = sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))
    files = [
        {
            "filename": each.name,
            "url": f"/files/{each.name}",
            "hashes": {"sha256": hashes[each.name]},
            "size": each.stat().st_size,
            "core-metadata": {"sha256": hashes[f"{each.name}.metadata"]},
            "upload-time": "2026-01-15T12:00:00Z",
        }
        for each in found
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": files}).encode() if files else b""


def _sha256(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def compare(megabytes: int, rate: float, python: str, run: Run) -> None:
    """Release a package with such a lock by each kind of proof, with nothing in uv's cache, and print what it took."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        files, own = pathlib.Path(scratch, "files"), pathlib.Path(scratch, "own")
        files.mkdir()
        own.mkdir()
        names = [f"bench_zeros_{number}" for number in range(FILES)]
        for each in names:
            write_wheel(files, each, megabytes // FILES)
        wheel = write_wheel(own, "bench_heavy", requires=tuple(names))
        print(f"{'verify':10}{'whole run':>12}{'Prove':>10}{'from the index':>18}")
        for verify in ("install", "files"):
            with serve(files, rate) as (url, sent), World(pathlib.Path(scratch, verify)) as world:
                options = Options(inputs=["--wheel", str(wheel), "--verify", verify])
                cache = pathlib.Path(scratch, verify, "cache")
                index = {"UV_DEFAULT_INDEX": url, "PIP_INDEX_URL": url, "UV_INDEX_URL": "", "UV_CACHE_DIR": str(cache)}
                start = time.monotonic()
                arguments = step_arguments(options, wheel, world.state / "out")
                said = run([python, str(BOOTSTRAP), *arguments], {**step_environment(world, os.environ), **index})
                spent, proof = time.monotonic() - start, PROVE.search(said)
                print(f"{verify:10}{spent:>10.1f} s{proof[1] if proof else '?':>8} s{sum(sent) / 2**20:>15.1f} MB")
