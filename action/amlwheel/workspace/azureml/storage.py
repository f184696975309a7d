"""`route: workspace`: a wheel in the storage of a workspace, where azureml-core keeps private wheels."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote, urlsplit

from ...errors.build import BadWheel
from ...errors.workspace import StorageRefused, StoredWheelDiffers, StoredWheelMissing
from ...model.azure import Target, Workspace
from ...model.environment import Environment
from ...model.wheel import Wheel
from ...plan.change import Change, Verb
from .image_build import PATIENCE
from .process import Worker

SLOWEST = 2**18  # bytes a second of an upload, as in the worker


def refuse_unstorable(wheel: Wheel) -> None:
    """Raise BadWheel for a file name that azureml-core would change: it encodes twice what Azure percent-encodes.

    Source: azureml-core 1.61.0.post4, `get_block_blob_service_credentials`, which uses the address's path as it is.
    """
    if wheel.version.epoch:
        raise BadWheel(
            f"{wheel.filename} has an epoch in its version, and azureml-core can't store such a name.",
            cause="azureml-core encodes the exclamation mark of an epoch twice.",
            fix="Set `route` to feed, or give the package a version without an epoch.",
        )


@dataclass(frozen=True)
class Storage:
    """The wheels in the workspaces' own storage (`route: workspace`); an address is known once the wheel is there."""

    worker: Worker
    addresses: dict[Target, dict[str, str]] = field(default_factory=dict)
    pause: Callable[[float], None] = time.sleep

    def at(self, environment: Environment, target: Target) -> Environment:
        """Return `environment` with the addresses that are known for `target`."""
        return environment.at(self.addresses.get(target, {}))

    def plan(self, wheel: Wheel, workspace: Workspace) -> Change[str]:
        """Say what storing `wheel` means; `Environment.add_private_pip_wheel` accepts any file of that name.

        Raises StoredWheelDiffers when that file has other bytes, StoredWheelMissing when there is a record and no file.
        """
        subject = f"wheel {wheel.filename} in the storage of {workspace.name}"
        record = self._look(wheel, workspace)
        if record:
            self._accept(record["address"], record["sha256"], wheel, workspace)
            why = "the storage has it with the same sha256"
            return Change(subject, Verb.KEEP, why, wheel.sha256, target=workspace.id)
        effect = partial(self._upload, wheel, workspace)
        return Change(subject, Verb.CREATE, "new file", wheel.sha256, effect, workspace.id)

    def _upload(self, wheel: Wheel, workspace: Workspace) -> None:
        given = {"path": str(wheel.path.resolve()), "sha256": wheel.sha256}
        self.worker.ask("upload", workspace, given, _transfer(wheel))
        record = self._look(wheel, workspace) or {"address": "", "sha256": ""}
        self._accept(record["address"], record["sha256"], wheel, workspace)

    def _look(self, wheel: Wheel, workspace: Workspace) -> dict[str, str] | None:
        """Return address and sha256 of the file with the wheel's name; wait a little if there is only its record."""
        for pause in (0.0, *(PATIENCE / 3,) * 3):
            self.pause(pause)
            question = {"file": wheel.filename}
            record: dict[str, str] | None = self.worker.ask("wheel", workspace, question, _transfer(wheel))
            if not record or record["sha256"]:
                break
        return record

    def _accept(self, address: str, sha256: str, wheel: Wheel, workspace: Workspace) -> None:
        """Note the address of `wheel`, if the stored file is this wheel."""
        place = f"The storage of {workspace.name}"
        if not sha256:
            raise StoredWheelMissing(f"{place} has a record of {wheel.filename}, but no file.")
        if sha256 != wheel.sha256:
            ours = f"the wheel of this run has {wheel.sha256[:12]}…"
            raise StoredWheelDiffers(f"{place} has {wheel.filename} with sha256 {sha256[:12]}…; {ours}.")
        parts = urlsplit(address)
        if parts.scheme != "https" or "@" in parts.netloc or re.search(r"[\s?#]", address):
            raise StorageRefused(
                f"{place} has an address for {wheel.filename} that no environment can use.", details=address
            )
        if unquote(parts.path.rpartition("/")[2]) != wheel.filename:
            raise StorageRefused(
                f"{place} keeps {wheel.filename} under another name, which pip wouldn't recognise.", details=address
            )
        self.addresses.setdefault(workspace, {})[wheel.filename] = address


def _transfer(wheel: Wheel) -> float:
    """Return the seconds that a wheel may take, there and back."""
    return 2 * wheel.size / SLOWEST
