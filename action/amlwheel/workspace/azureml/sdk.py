"""`sdk: v1`: connections and environments through azureml-core."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...model import connection_token
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
        """Call `Workspace.set_connection`, which can store no fingerprint and no date.

        A user's name has its place beside the password (Learn, how-to-troubleshoot-environments), in quotes that
        neither can have once they are encoded.
        """
        del mark
        given = {"name": connection.name, "category": connection.category, "target": connection.target}
        kind, parts = connection_token.credentials(token)
        value = token.reveal()
        if kind != "PAT":
            kind, value = "Basic", f"{{'Username': '{parts['username']}', 'Password': '{parts['password']}'}}"
        self.worker.ask("connect", workspace, {**given, "authType": kind, "value": value})

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
