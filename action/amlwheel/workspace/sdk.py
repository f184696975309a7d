"""What differs between the SDKs: how a connection is stored, how an environment is read and registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..model.azure import Connection, Workspace
from ..model.environment import Definition, Environment
from ..model.secret import Secret


class Sdk(Protocol):
    """Writes to a workspace, and reads environments back."""

    @property
    def remembers(self) -> bool:
        """Whether `store` can keep fingerprint and date beside the token."""

    def check(self, workspace: Workspace, connection: Connection) -> None:
        """Raise the error that `store` would raise, as far as a read can show it."""

    def store(self, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
        """Store `token` under `connection`, with the fingerprint `mark` and its last day if it `remembers`."""

    def find(self, workspace: Workspace, environment: Environment) -> Definition | None:
        """Return what is registered under the name and version of `environment`; None when nothing is."""

    def register(self, workspace: Workspace, environment: Environment, tags: Mapping[str, str]) -> None:
        """Register `environment`; raise AzureRefused also for a version that exists: then what is there is read."""


class Holder(Protocol):
    """Holds environments: a workspace as one of the SDKs sees it, or a registry. Its methods do what `Sdk`'s do."""

    def find(self, environment: Environment) -> Definition | None:
        """Return what is registered under the name and version of `environment`; None when nothing is."""

    def register(self, environment: Environment, tags: Mapping[str, str]) -> None:
        """Register `environment`; raise AzureRefused also for a version that exists: then what is there is read."""


@dataclass(frozen=True)
class OnWorkspace:
    """The environments of one workspace."""

    sdk: Sdk
    workspace: Workspace

    def find(self, environment: Environment) -> Definition | None:
        """See `Holder`."""
        return self.sdk.find(self.workspace, environment)

    def register(self, environment: Environment, tags: Mapping[str, str]) -> None:
        """See `Holder`."""
        self.sdk.register(self.workspace, environment, tags)
