"""What differs between the SDKs: how a connection is stored, how an environment is read and registered."""

from collections.abc import Mapping
from typing import Protocol

from ..model.azure import Connection, Workspace
from ..model.environment import Definition, Environment
from ..model.secret import Secret


class Sdk(Protocol):
    """A way to write to a workspace, and to read environments back."""

    @property
    def remembers(self) -> bool:
        """Whether `store` can keep anything beside the token."""

    def check(self, workspace: Workspace, connection: Connection) -> None:
        """Raise what would make `store` fail, as far as a read can tell."""

    def store(self, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
        """Store `token` under `connection`, with the fingerprint `mark` and its last day where there is a place."""

    def find(self, workspace: Workspace, environment: Environment) -> Definition | None:
        """Return what is registered under the name and version of `environment`; None when nothing is."""

    def register(self, workspace: Workspace, environment: Environment, tags: Mapping[str, str]) -> None:
        """Register `environment`; a version that exists already is no error, since what is there is read afterwards."""
