"""`sdk: v1`: connections and environments through azureml-core."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...model.azure import Connection, Workspace
from ...model.environment import Definition, Environment
from ...model.secret import Secret
from .process import Worker


@dataclass(frozen=True)
class Core:
    """Connections and environments through azureml-core (`sdk: v1`); it is a `workspace.sdk.Sdk`."""

    worker: Worker
    remembers: ClassVar[bool] = False

    def check(self, workspace: Workspace, connection: Connection) -> None:
        """Raise ApiVersionRefused when Azure refuses the SDK's api-version for connections: no contract promises it."""
        self.worker.ask("readable", workspace, {"name": connection.name})

    def store(self, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
        """Call `Workspace.set_connection`, which can store no fingerprint, no date and no user."""
        del mark
        given = {"name": connection.name, "category": connection.category, "target": connection.target}
        self.worker.ask("connect", workspace, {**given, "authType": "PAT", "value": token.reveal()})

    def find(self, workspace: Workspace, environment: Environment) -> Definition | None:
        """Call `Environment.get`."""
        registered = self.worker.ask("environment", workspace, named(environment))
        return Definition(str(registered["image"] or ""), registered["spec"]) if registered else None

    def register(self, workspace: Workspace, environment: Environment, tags: Mapping[str, str]) -> None:
        """Call `Environment.register`, which has no tags."""
        del tags
        definition = {"image": environment.image.pinned, "spec": environment.spec}
        self.worker.ask("register", workspace, {**named(environment), **definition})


def named(environment: Environment) -> dict[str, str]:
    """Return name and version of `environment`, as the worker expects them."""
    return {"name": environment.name, "version": environment.version}
