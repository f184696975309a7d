"""Small real parts from which the core's tests are made, and the plain fakes that they share."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import requests
from amlwheel.build.wheel import inspect
from amlwheel.model import environment
from amlwheel.model.azure import Connection, Workspace
from amlwheel.model.environment import Base, Environment, Image, Python
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.limit import Limit
from amlwheel.model.secret import Secret
from amlwheel.model.source import Source
from amlwheel.model.wheel import Pin, Wheel
from amlwheel.report.release import Release
from amlwheel.transport import arm

ROOT = Path(__file__).resolve().parents[2]
CANARY = "fake-canary-7h1s15n0t4s3cr3t"
TOKEN = Secret(CANARY)
FEED = parse_feed("acme/ml/wheels")
GUID = "00000000-0000-0000-0000-000000000001"
WORKSPACE = Workspace(GUID, "rg", "research")
DIGEST = "sha256:" + "d" * 64
IMAGE = Image("mcr.microsoft.com", "azureml/base", "20260101.v1", DIGEST)
BASE = Base(IMAGE, Python("3.11.13"))
LIMIT = Limit(datetime(2025, 6, 1, 12, tzinfo=timezone.utc), "the time of the commit")
WHEEL_FILE = "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def pack(
    folder: Path,
    filename: str = "acme_churn-1.2.3-py3-none-any.whl",
    metadata: str | bytes | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a tiny wheel whose metadata says what the file's name says, unless told otherwise."""
    name, version = filename.split("-")[:2]
    info = f"{name}-{version}.dist-info"
    said = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" if metadata is None else metadata
    path = folder / filename
    members = {
        **(files or {f"{name}/__init__.py": ""}),
        f"{info}/METADATA": said,
        f"{info}/WHEEL": WHEEL_FILE,
    }
    members[f"{info}/RECORD"] = recorded(members, f"{info}/RECORD")
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in members.items():
            archive.writestr(zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0)), text)
    return path


def recorded(members: Mapping[str, str | bytes], own: str) -> str:
    """Return the RECORD of a wheel with these files; `own` is its own name."""
    rows = [f'"{name}",{recorded_hash(text)},\n' for name, text in members.items() if not name.endswith("/")]
    return "".join([*rows, f"{own},,\n"])


def recorded_hash(content: str | bytes) -> str:
    """Return a hash as RECORD has it (PEP 376)."""
    digest = hashlib.sha256(content.encode() if isinstance(content, str) else content).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def make(folder: Path, filename: str = "acme_churn-1.2.3-py3-none-any.whl", more: str = "") -> Wheel:
    """Return a wheel of that name, with `more` lines of metadata."""
    name, version = filename.split("-")[:2]
    return inspect(pack(folder, filename, f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"))


def sha(text: str) -> str:
    """Return a sha256 that looks like one and tells where it came from."""
    return hashlib.sha256(text.encode()).hexdigest()


def pins(wheel: Wheel) -> tuple[Pin, ...]:
    """Return the pins of a small lock around `wheel`."""
    public = Pin("numpy", "2.2.0", (sha("numpy one"), sha("numpy two")))
    return (Pin(wheel.project, str(wheel.version), (wheel.sha256,), private=True), public)


def defined(wheel: Wheel, name: str = "") -> Environment:
    """Return an environment with `wheel` and numpy in it."""
    return environment.define(name, wheel, pins(wheel), BASE, [FEED.option(only=False)])


def release(*wheels: Wheel) -> Release:
    """Return a release of `wheels`."""
    return Release(
        route="feed",
        place=FEED.label,
        source=Source("https://github.example/acme/churn", "c" * 40, "v1.2.3"),
        wheels=wheels,
        feed=FEED,
        connection=Connection.of(FEED),
        workspaces=(WORKSPACE,),
        environment=defined(wheels[0]),
        lock="numpy==2.2.0\n",
        tools={"amlwheel": "0.1.0", "build": "1.6.1", "twine": "7.0.0", "uv": "0.13.9"},
    )


def answer(status: int = 200, text: str = "", reason: str = "", **headers: str) -> requests.Response:
    """Return a response of the feed or registry; underscores in header names stand for dashes."""
    made = requests.Response()
    made.status_code, made.reason, made.url = status, reason, "https://index.example/simple/acme-churn/"
    made.raw = io.BytesIO(text.encode())
    made.encoding = "utf-8"
    made.headers.update(
        {"Content-Type": "text/html"} | {key.replace("_", "-"): value for key, value in headers.items()}
    )
    return made


class FakeArm(arm.Arm):
    """Azure Resource Manager as a dict of what was PUT; `answers` go before it, by method and path."""

    def __init__(self) -> None:
        """Begin with a workspace that holds nothing."""
        self.stored: dict[str, dict[str, Any]] = {}
        self.answers: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self.sent: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []

    def send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        version: str = arm.API_VERSION,
        brief: bool = False,
    ) -> tuple[int, dict[str, Any]]:
        del brief
        accounts = "2023-05-01" if path.endswith("Microsoft.Storage/storageAccounts") else "2024-04-01"
        assert version == ("2022-04-01" if "Microsoft.Authorization" in path else accounts)
        self.sent.append((method, path))
        if (method, path) in self.answers:
            return self.answers[method, path]
        if body is not None:
            self.bodies.append(body)
            shown = {key: value for key, value in body["properties"].items() if key != "credentials"}
            self.stored[path] = {"id": path, "name": path.rpartition("/")[2], "properties": shown}
        if path.endswith("/connections"):
            return 200, {"value": [each for key, each in self.stored.items() if key.startswith(path)]}
        if path == WORKSPACE.id or path.endswith("/permissions"):
            return 200, {}
        return (200, self.stored[path]) if path in self.stored else (404, {"error": {"code": "UserError"}})

    @property
    def writes(self) -> list[str]:
        """The paths of everything but reads."""
        return [path for method, path in self.sent if method != "GET"]
