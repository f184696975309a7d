"""What is done through azureml-core: `sdk: v1`, `route: workspace` and `verify: image`."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from .azureml_process import Worker
from .errors.base import TooSlow
from .errors.build import BadWheel
from .errors.workspace import ImageBuildFailed, StorageRefused, StoredWheelDiffers, StoredWheelMissing
from .model.azure import Connection, Workspace
from .model.environment import Definition, Environment
from .model.secret import Secret
from .model.wheel import Wheel
from .plan.change import Change, Verb

SLOWEST = 2**18  # bytes a second of an upload, as in the worker
IMAGE_SECONDS = 3600.0  # a cold build takes 10 to 20 minutes; conda is known to stall for long
POLL = 5.0  # seconds, as azureml-core's own wait_for_completion
PATIENCE = 15.0  # seconds that a file may take to follow its record: another run may be uploading it
# What a failed build's log says best, best first: pip's own error, its question for a password, any other error.
_TELLING = (r"ERROR: ", r"User for \S+:", r".*(?:Error|error|Exception)\b")
LAST_LINES = 5000  # of a log, in which the telling one is looked for


@dataclass(frozen=True)
class Core:
    """Connections and environments through azureml-core (`sdk: v1`); see `workspace.Sdk`."""

    worker: Worker
    remembers: ClassVar[bool] = False

    def check(self, workspace: Workspace, connection: Connection) -> None:
        """Raise ApiVersionRefused when the SDK's way to connections, which no contract promises, is closed."""
        self.worker.ask("readable", workspace, {"name": connection.name})

    def store(self, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
        """Call `Workspace.set_connection`, which has no place for a fingerprint or a date, nor for a user."""
        del mark
        given = {"name": connection.name, "category": connection.category, "target": connection.target}
        self.worker.ask("connect", workspace, {**given, "authType": "PAT", "value": token.reveal()})

    def find(self, workspace: Workspace, environment: Environment) -> Definition | None:
        """Call `Environment.get`."""
        found = self.worker.ask("environment", workspace, _named(environment))
        return Definition(str(found["image"] or ""), found["spec"]) if found else None

    def register(self, workspace: Workspace, environment: Environment, tags: Mapping[str, str]) -> None:
        """Call `Environment.register`, which knows no tags."""
        del tags
        definition = {"image": environment.image.pinned, "spec": environment.spec}
        self.worker.ask("register", workspace, {**_named(environment), **definition})


def _named(environment: Environment) -> dict[str, str]:
    return {"name": environment.name, "version": environment.version}


def refuse_unstorable(wheel: Wheel) -> None:
    """Raise BadWheel for a name under which azureml-core would store another: it doubles what Azure percent-encodes.

    Source: azureml-core 1.61.0.post4, `get_block_blob_service_credentials`, which takes the address's path as it is.
    """
    if wheel.version.epoch:
        message = f"{wheel.filename} has an epoch in its version, and azureml-core can't store such a name."
        raise BadWheel(message, fix="Set `route` to feed, or give the package a version without an epoch.")


@dataclass(frozen=True)
class Storage:
    """The wheels in the workspaces' own storage (`route: workspace`); an address is known once the wheel is there."""

    worker: Worker
    addresses: dict[Workspace, dict[str, str]] = field(default_factory=dict)
    pause: Callable[[float], None] = time.sleep

    def at(self, environment: Environment, workspace: Workspace) -> Environment:
        """Return `environment` with the addresses that are known for `workspace`."""
        return environment.at(self.addresses.get(workspace, {}))

    def plan(self, wheel: Wheel, workspace: Workspace) -> Change[str]:
        """Say what storing `wheel` means; `Environment.add_private_pip_wheel` takes any file of that name for it.

        Raises StoredWheelDiffers when the file there has other bytes, StoredWheelMissing when only its record is there.
        """
        subject = f"wheel {wheel.filename} in the storage of {workspace.name}"
        found = self._look(wheel, workspace)
        if found:
            self._accept(found["address"], found["sha256"], wheel, workspace)
            return Change(subject, Verb.KEEP, "the storage has it with the same sha256", wheel.sha256)
        return Change(subject, Verb.CREATE, "new file", wheel.sha256, lambda: self._upload(wheel, workspace))

    def _upload(self, wheel: Wheel, workspace: Workspace) -> None:
        given = {"path": str(wheel.path.resolve()), "sha256": wheel.sha256}
        self.worker.ask("upload", workspace, given, _transfer(wheel))
        found = self._look(wheel, workspace) or {"address": "", "sha256": ""}
        self._accept(found["address"], found["sha256"], wheel, workspace)

    def _look(self, wheel: Wheel, workspace: Workspace) -> dict[str, str] | None:
        """Return address and sha256 of what is stored under the wheel's name; wait a little for a record's file."""
        for pause in (0.0, *(PATIENCE / 3,) * 3):
            self.pause(pause)
            question = {"file": wheel.filename}
            found: dict[str, str] | None = self.worker.ask("wheel", workspace, question, _transfer(wheel))
            if not found or found["sha256"]:
                break
        return found

    def _accept(self, address: str, sha256: str, wheel: Wheel, workspace: Workspace) -> None:
        """Note the address of `wheel`, if what lies there is this wheel."""
        place = f"The storage of {workspace.name}"
        if not sha256:
            message = f"{place} has a record of {wheel.filename}, but no file."
            raise StoredWheelMissing(message)
        if sha256 != wheel.sha256:
            ours = f"the wheel of this run has {wheel.sha256[:12]}…"
            message = f"{place} has {wheel.filename} with sha256 {sha256[:12]}…; {ours}."
            raise StoredWheelDiffers(message)
        parts = urlsplit(address)
        if parts.scheme != "https" or "@" in parts.netloc or re.search(r"[\s?#]", address):
            message = f"{place} has an address for {wheel.filename} that no environment could use."
            raise StorageRefused(message, details=address)
        if unquote(parts.path.rpartition("/")[2]) != wheel.filename:
            message = f"{place} keeps {wheel.filename} under another name, by which pip wouldn't know it."
            raise StorageRefused(message, details=address)
        self.addresses.setdefault(workspace, {})[wheel.filename] = address


def _transfer(wheel: Wheel) -> float:
    """Return the seconds that a wheel may take, there and back."""
    return 2 * wheel.size / SLOWEST


def build_image(
    worker: Worker,
    workspace: Workspace,
    environment: Environment,
    echo: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Have the workspace build the environment's image, unless it is built, and wait for it; return what was proven.

    `echo` gets the build's log, line by line. Raises ImageBuildFailed with the line that tells why, and TooSlow.
    """
    if worker.ask("image", workspace, _named(environment)):
        return "was built before"
    location = worker.ask("build", workspace, _named(environment))
    end = time.monotonic() + IMAGE_SECONDS
    log: list[str] = []
    while True:
        said = _progress(worker, workspace, environment, location, len(log))
        for line in said["lines"] or ():
            echo(line)
            log.append(line)
        if said["ended"]:
            break
        if time.monotonic() >= end:
            message = (
                f"The image of {environment.reference} isn't built on {workspace.name} after {IMAGE_SECONDS:.0f} s."
            )
            raise TooSlow(message, fix="Run the step again: the build goes on, and what it has made is found then.")
        pause(POLL)
    if said["status"] != "Succeeded":
        why = telling(log) if said["lines"] is not None else "its log can't be read from here; see it in the studio"
        message = f"{workspace.name} can't build the image of {environment.reference} ({said['status']}): {why}"
        raise ImageBuildFailed(message)
    return "built"


def _progress(
    worker: Worker, workspace: Workspace, environment: Environment, location: str, seen: int
) -> dict[str, Any]:
    """Return how the build goes; of one that somebody else has started only whether the image is there."""
    if location:
        said: dict[str, Any] = worker.ask("progress", workspace, {"location": location, "seen": seen})
        return said
    ended = worker.ask("image", workspace, _named(environment))
    return {"status": "Succeeded" if ended else "Running", "ended": ended, "lines": ()}


def telling(log: Sequence[str]) -> str:
    """Return the line of a failed build's log that says most. The text is hostile."""
    lines = [line[:500].strip() for line in log[-LAST_LINES:]]
    for pattern in _TELLING:
        found = next((line for line in lines if re.match(pattern, line)), "")
        if found:
            return found
    return next(filter(None, reversed(lines)), "its log is empty")
