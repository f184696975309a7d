"""`sdk: v2`: connections and environments through Azure Resource Manager's documented contract.

Paths, bodies and rules: azure-rest-api-specs, Microsoft.MachineLearningServices, stable/2024-04-01.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from ..model import connection_token
from ..model.azure import Connection, Workspace
from ..model.environment import Definition, Environment
from ..model.secret import Secret
from ..transport.arm import Arm, Json, check, object_in


@dataclass(frozen=True)
class ArmSdk:
    """Connections and environments through Azure Resource Manager's documented contract (`sdk: v2`)."""

    arm: Arm
    remembers: ClassVar[bool] = True

    def check(self, workspace: Workspace, connection: Connection) -> None:
        """Accept all: the list of connections was read by the same contract."""

    def store(self, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
        """PUT the connection. It replaces what was there, so no date of another token stays."""
        kind, secrets = connection_token.credentials(token)
        body: Json = {
            "properties": {
                "category": connection.category,
                "target": connection.target,
                "authType": kind,
                "credentials": secrets,
                "isSharedToAll": True,
                "metadata": connection_token.note(mark, connection.token_expires),
            }
        }
        check(*self.arm.send("PUT", f"{workspace.id}/connections/{quote(connection.name)}", body), workspace)

    def find(self, workspace: Workspace, environment: Environment) -> Definition | None:
        """GET the version."""
        return definition(self.arm.find(path_in(workspace.id, environment), workspace))

    def register(self, workspace: Workspace, environment: Environment, tags: Mapping[str, str]) -> None:
        """PUT the version."""
        check(*self.arm.send("PUT", path_in(workspace.id, environment), asset(environment, tags)), workspace)


def path_in(place: str, environment: Environment) -> str:
    """Return the path of the environment's version below that of a workspace or registry."""
    return f"{place}/environments/{quote(environment.name)}/versions/{quote(environment.version, safe='')}"


def definition(registered: Json | None) -> Definition | None:
    """Return the definition in a version as Azure shows it; None without one."""
    if registered is None:
        return None
    properties = object_in(registered.get("properties"))
    return Definition.read(properties.get("image") or "", properties.get("condaFile") or "")


def asset(environment: Environment, tags: Mapping[str, str]) -> Json:
    """Return what is sent to register the environment."""
    return {
        "properties": {
            "image": environment.image.pinned,
            "condaFile": environment.conda,
            "osType": "Linux",
            "isAnonymous": False,
            "isArchived": False,
            "description": "Registered by amlwheel; see the receipt of the release.",
            "tags": {key: str(value) for key, value in tags.items()},
        }
    }
