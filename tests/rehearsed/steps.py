"""Run the real step, as a process, against the local Azure; and make what it runs on."""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from rehearsal.proxy.world import World
from rehearsal.proxy.world import is_write as _is_write
from rehearsal.state.names import (
    FEED,
    FEED_TOKEN,
    ORGANIZATION,
    PROJECT,
    READ_TOKEN,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECTS = ROOT / "tests" / "projects"
FEED_LABEL = f"{ORGANIZATION}/{PROJECT}/{FEED}"
WORKSPACE_LABEL = f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{WORKSPACE}"
PACKAGES = r"^pkgs\.dev\.azure\.com$"
"""For faults: the host of indexes and uploads."""
SIGN_IN = "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head><body></body></html>"
EMITTED = {
    "environment.yml",
    "conda.yml",
    "requirements.lock",
    "azureml_environment.json",
    "aml-release.json",
    "sbom.cdx.json",
}

# All that the step gets of the environment around the tests. A company's mirror is the public index there.
_KEPT = "PATH LANG TMPDIR SSL_CERT_FILE REQUESTS_CA_BUNDLE UV_DEFAULT_INDEX UV_INDEX_URL PIP_INDEX_URL".split()
_LONGEST = 300  # seconds
_OF_THE_RUN = ("audit", "plan", "changes", "environments", "run", "dry_run")  # parts of the receipt
_TOKENS = ("AMLWHEEL_FEED_TOKEN", "AMLWHEEL_CONNECTION_TOKEN", "AMLWHEEL_BASE_IMAGE_TOKEN", "AZURE_CLIENT_SECRET")
DEBUG = {"AMLWHEEL_DEBUG": "1", "RUNNER_DEBUG": "1", "SYSTEM_DEBUG": "True"}
"""Debug lines, on every host."""


@dataclass(frozen=True)
class Result:
    """What one run of the step did: its exit status, what it printed, and what it asked of the local Azure."""

    status: int
    output: str
    requests: list[dict[str, Any]]
    folder: pathlib.Path
    """`output-dir`."""
    files: Mapping[str, bytes]
    """Every file there by its path, as it was at the end of the run: the next run writes into the same folder."""

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The requests that may have changed something."""
        return [line for line in self.requests if _is_write(line)]

    @property
    def written(self) -> list[tuple[str, str]]:
        """Method and kind of each write, in order: what a release consists of."""
        return [(line["method"], _kind(line["url"])) for line in self.writes]

    @property
    def outputs(self) -> dict[str, str]:
        """The step's outputs, as a terminal shows them."""
        return dict(re.findall(r"^([a-z][a-z0-9-]+)=(.*)$", self.output, re.MULTILINE))

    @property
    def kept(self) -> dict[str, str]:
        """The outputs that the next run has, which changes nothing."""
        idle = self.outputs["environments"].replace('"changed":true', '"changed":false')
        return {**self.outputs, "changed": "false", "environments": idle}

    @property
    def released(self) -> dict[str, object]:
        """The files; of the receipt only what it says of the release, and not of the run."""
        return released(self.files)

    @property
    def told(self) -> str:
        """What is printed, on one line: messages are matched without regard to where lines end."""
        return " ".join(self.output.split())


def released(files: Mapping[str, bytes]) -> dict[str, object]:
    """Return the files by name; of the receipt only what it says of the release, and not of the run."""
    said = json.loads(files["aml-release.json"])
    kept = {name: part for name, part in said.items() if name not in _OF_THE_RUN}
    return {**files, "aml-release.json": kept}


def waits(requests: Sequence[Mapping[str, Any]], seconds: float) -> list[str]:
    """Return the longest chain of requests that wait for one another, where every answer takes `seconds`."""
    chain: list[str] = []
    answered = datetime.min.replace(tzinfo=timezone.utc)
    for began, url in sorted((datetime.fromisoformat(each["time"]), each["url"]) for each in requests):
        if began >= answered:
            chain.append(url)
            answered = began + timedelta(seconds=seconds)
    return chain


def _kind(url: str) -> str:
    for kind in ("connections", "environments", "upload", "artifacts", "versions"):
        if f"/{kind}/" in url:
            return kind
    return "blob" if ".blob.core.windows.net/" in url else url


@dataclass(frozen=True)
class Step:
    """The step, ready to run in a world."""

    world: World
    scratch: pathlib.Path
    """A folder of the test's own: the step's working directory and HOME are below it."""
    caches: Mapping[str, str]
    command: Sequence[str | pathlib.Path] = (sys.executable, "-B", ROOT / "action" / "bootstrap.py")

    def __call__(
        self,
        *arguments: str | pathlib.Path,
        env: Mapping[str, str] | None = None,
        watch: Callable[[int], object] = str,
        **given: object,
    ) -> Result:
        """Run the step with ``given`` inputs (`python_version="3.12"`) on top of those that every run needs.

        A tuple is an option given several times. ``arguments`` and ``env`` come last of all; an empty variable is
        unset. ``watch`` is told the process id. No run shows a token.
        """
        inputs = {"feed": FEED_LABEL, "workspace": WORKSPACE_LABEL, "output_dir": self.scratch / "out", **given}
        return self._run([*options(inputs), *map(str, arguments)], env or {}, watch, str(inputs["output_dir"]))

    def plainly(self, env: Mapping[str, str] | None = None) -> Result:
        """Run the command as it is, without an input of the step's; ``env`` comes last."""
        return self._run([], env or {}, str, "out")

    def _run(
        self, options: Sequence[str], env: Mapping[str, str], watch: Callable[[int], object], output_dir: str
    ) -> Result:
        seen = len(self.world.requests())
        variables = {name: value for name, value in (self.environment() | dict(env)).items() if value}
        child = subprocess.Popen(
            [*self.command, *options],
            env=variables,
            cwd=self.folder("work"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        with child:
            watch(child.pid)
            try:
                output, _ = child.communicate(timeout=_LONGEST)
            finally:
                child.kill()
        assert not [each for each in _TOKENS if (variables.get(each, "").strip() or "-" * 99) in shown(output)]
        folder = self.folder("work") / output_dir
        paths = (path for path in folder.rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        return Result(child.returncode, output, self.world.requests()[seen:], folder, files)

    def environment(self) -> dict[str, str]:
        """Return the variables that the step gets: an allow-list, the world's, and the fake tokens."""
        tokens = {"AMLWHEEL_FEED_TOKEN": FEED_TOKEN, "AMLWHEEL_CONNECTION_TOKEN": READ_TOKEN}
        own = {"HOME": str(self.folder("home")), "PIP_CONFIG_FILE": os.devnull}
        return {**self.world.environment(self.inherited()), **tokens, **self.caches, **own}

    @staticmethod
    def inherited() -> dict[str, str]:
        """Return the variables that come from around the tests."""
        return {name: os.environ[name] for name in _KEPT if name in os.environ}

    def folder(self, name: str) -> pathlib.Path:
        """Return a folder of the test's own."""
        place = self.scratch / name
        place.mkdir(exist_ok=True)
        return place


def shown(output: str) -> str:
    """Return what people see of an output: hosts keep the masks to themselves."""
    return re.sub(r"^(::add-mask::|##vso\[task\.setsecret\]).*\n", "", output, flags=re.MULTILINE)


def options(inputs: Mapping[str, object]) -> list[str]:
    """Return the command line that gives these inputs."""
    found: list[str] = []
    for name, value in inputs.items():
        for each in value if isinstance(value, tuple) else (value,):
            found += [f"--{name.replace('_', '-')}", str(each)]
    return found


def refused(result: Result, status: int, *told: str) -> None:
    """Assert that a run failed as it should: code and cause told, the advice too, and nothing was written."""
    assert result.status == status, result.output
    assert f"error: AW{status} " in result.output
    assert "Likely cause: " in result.output
    assert "What to do: " in result.output
    for each in told:
        assert each in result.told
    assert result.writes == []
    assert result.outputs == {}
    assert not list(result.folder.glob("*.json"))


def write_wheel(  # noqa: PLR0913  # what a wheel can say
    folder: pathlib.Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    requires_python: str = ">=3.10",
    tag: str = "py3-none-any",
    text: str = "",
    files: Mapping[str, str] | None = None,
) -> pathlib.Path:
    """Write a wheel of one small module, or of `files`, quicker than any backend, and return its path."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    head = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nRequires-Python: {requires_python}\n{needs}"
    members = {
        **(files or {f"{module}/__init__.py": f'"""{text or name}."""\n'}),
        f"{info}/METADATA": f"{head}Summary: A sample\nDescription-Content-Type: text/plain\n\nA sample.\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},{_record_hash(content)},{len(content)}\n" for path, content in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 15, 12, 0, 0)), content)
    return wheel


def _record_hash(content: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"


def sha256(path: pathlib.Path) -> str:
    """Return a file's sha256 in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def in_feed(world: World, feed: str = FEED) -> dict[str, str]:
    """Return the sha256 of every file that was published to a feed, by name."""
    folders = [path for path in (world.azure / "feeds").rglob("published") if path.parent.name == feed]
    return {path.name: sha256(path) for folder in folders for path in folder.iterdir()}
