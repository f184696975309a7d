"""What is done through azureml-core: `sdk: v1`, `route: workspace` and `verify: image`."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from .azureml_process import DEADLINE, Worker
from .change import Change, Verb
from .environment import Definition, Environment
from .errors import ImageBuildFailed, StorageRefused, StoredWheelDiffers, StoredWheelMissing, TooSlow
from .model import Connection, Wheel, Workspace
from .secret import Secret

SLOWEST = 2**18  # bytes a second of an upload, as in the worker
IMAGE_SECONDS = 3600.0  # a cold build takes 10 to 20 minutes; conda is known to stall for long
POLL = 5.0  # seconds, as azureml-core's own wait_for_completion
BUILDING = ("Running", "Queued", "GettingOrProvisioningACR")  # azureml-core, ImageBuildDetails
# What a failed build's log says best, best first: pip's own error, its question for a password, any other error.
_TELLING = (r"ERROR: .*", r"User for \S+:.*", r".*(?:Error|error|Exception)\b.*", r".*\S.*")


@dataclass(frozen=True)
class Core:
    """Connections and environments through azureml-core (`sdk: v1`); see `workspace.Sdk`."""

    worker: Worker

    def check(self, workspace: Workspace, connection: Connection) -> None:
        """Raise ApiVersionRefused when the SDK's way to connections, which no contract promises, is closed."""
        self.worker.ask("readable", workspace, {"name": connection.name})

    def store(self, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
        """Call `Workspace.set_connection`, which has no place for a fingerprint."""
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


@dataclass(frozen=True)
class Storage:
    """The wheels in the workspaces' own storage (`route: workspace`); an address is known once the wheel is there."""

    worker: Worker
    addresses: dict[Workspace, dict[str, str]] = field(default_factory=dict)

    def at(self, environment: Environment, workspace: Workspace) -> Environment:
        """Return `environment` with the addresses that are known for `workspace`."""
        return environment.at(self.addresses.get(workspace, {}))

    def plan(self, wheel: Wheel, workspace: Workspace) -> Change[str]:
        """Say what storing `wheel` means; `Environment.add_private_pip_wheel` takes any file of that name for it.

        Raises StoredWheelDiffers when the file there has other bytes, StoredWheelMissing when only its record is there.
        """
        subject = f"wheel {wheel.filename} in the storage of {workspace.name}"
        found = self.worker.ask("wheel", workspace, {"file": wheel.filename}, self._seconds(wheel))
        if found:
            self._accept(found["address"], found["sha256"], wheel, workspace)
            return Change(subject, Verb.KEEP, "the storage has it with the same sha256", wheel.sha256)
        return Change(subject, Verb.CREATE, "new file", wheel.sha256, lambda: self._upload(wheel, workspace))

    def _upload(self, wheel: Wheel, workspace: Workspace) -> None:
        given = {"path": str(wheel.path.resolve()), "sha256": wheel.sha256}
        found = self.worker.ask("upload", workspace, given, self._seconds(wheel))
        self._accept(found.get("address", ""), found.get("sha256", ""), wheel, workspace)

    @staticmethod
    def _seconds(wheel: Wheel) -> float:
        return DEADLINE + wheel.size / SLOWEST

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
    log, shown, waited = "", 0, 0.0
    while True:
        said = worker.ask("progress", workspace, {"location": location, "seen": len(log)})
        log += said["log"]
        ended = said["status"] not in BUILDING
        whole = len(log) if ended else log.rfind("\n") + 1
        for line in log[shown:whole].splitlines():
            echo(line)
        shown = max(shown, whole)
        if ended:
            break
        if waited >= IMAGE_SECONDS:
            message = (
                f"The image of {environment.reference} isn't built on {workspace.name} after {waited:.0f} seconds."
            )
            raise TooSlow(message, fix="Run the step again: the build goes on, and what it has made is found then.")
        pause(POLL)
        waited += POLL
    if said["status"] != "Succeeded":
        message = (
            f"{workspace.name} can't build the image of {environment.reference} ({said['status']}): {telling(log)}"
        )
        raise ImageBuildFailed(message)
    return "built"


def telling(log: str) -> str:
    """Return the line of a failed build's log that says most. The text is hostile."""
    for pattern in _TELLING:
        found = re.findall(rf"^\s*({pattern})$", log, re.MULTILINE)
        if found:
            return str(found[-1] if pattern == _TELLING[-1] else found[0]).strip()[:500]
    return "its log is empty"
