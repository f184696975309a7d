"""Connections and environments of a workspace, through Azure Resource Manager's documented contract (`sdk: v2`).

Source of paths, bodies and rules: azure-rest-api-specs, Microsoft.MachineLearningServices, stable/2024-04-01.
"""

import contextlib
import fnmatch
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from azure.core import exceptions
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy, ARMHttpLoggingPolicy

from . import __version__
from .change import Change, Verb
from .environment import Environment
from .errors import (
    AzureRefused,
    ConnectionConflict,
    EnvironmentConflict,
    NoNetwork,
    ReadBackDiffers,
    TooSlow,
    WorkspaceForbidden,
    WorkspaceNotFound,
)
from .model import Connection, Workspace
from .secret import Secret

ARM = "https://management.azure.com"
API_VERSION = "2024-04-01"
CONNECT, READ = 10, 60  # seconds; the library's own are 300
LONGEST_PAUSE = 60.0  # seconds between two attempts
FINGERPRINT = "amlwheel-fingerprint"
Json = dict[str, Any]


class _Retry(policies.RetryPolicy[HttpRequest, HttpResponse]):
    """The library's retries, with the server's Retry-After obeyed up to a bound."""

    def get_retry_after(self, response: Any) -> float | None:  # noqa: ANN401  # the library's own type is internal
        """Return the seconds that the server asks for, at most LONGEST_PAUSE; None when it makes no sense."""
        try:
            asked = super().get_retry_after(response)
        except ValueError:
            return None
        return None if asked is None else min(asked, LONGEST_PAUSE)


class Arm:
    """Requests to Azure Resource Manager, with retries and with errors of the catalogue."""

    def __init__(self, credential: Any, scope: str) -> None:  # noqa: ANN401  # azure-core's protocol is structural
        """Make the client. Policies are explicit: the default set registers resource providers on some 409s."""
        self._client: ARMPipelineClient[HttpRequest, HttpResponse] = ARMPipelineClient(
            base_url=ARM,
            policies=[
                policies.RequestIdPolicy(),
                policies.HeadersPolicy(),
                policies.UserAgentPolicy(f"amlwheel/{__version__}"),
                _Retry(retry_total=4),
                ARMChallengeAuthenticationPolicy(credential, scope),
                ARMHttpLoggingPolicy(),
            ],
        )

    def send(self, method: str, path: str, body: Json | None = None, *, version: str = API_VERSION) -> tuple[int, Json]:
        """Send one request and return status and JSON body; statuses of 400 and more come back as they are.

        `path` begins with a slash or is a whole address (a nextLink). Raises NoNetwork and TooSlow.
        """
        url = self._client.format_url(path)
        params = {} if path.startswith("http") else {"api-version": version}
        request = (
            HttpRequest(method, url, params=params, json=body) if body else HttpRequest(method, url, params=params)
        )
        with _network():
            response = self._client.send_request(request, connection_timeout=CONNECT, read_timeout=READ)
            try:
                said = response.json() if response.content else {}
            except ValueError:
                said = None
        if not isinstance(said, dict) and response.status_code < 400:  # noqa: PLR2004
            message = f"Something between here and Azure Resource Manager answered {response.status_code} and no data."
            raise AzureRefused(message, cause="A proxy or a sign-in portal answers in the place of Azure.")
        return response.status_code, _object(said)

    def find(self, path: str, workspace: Workspace) -> Json | None:
        """GET something of a workspace; None when it doesn't exist there (404)."""
        status, said = self.send("GET", path)
        if status == 404:  # noqa: PLR2004
            return None  # the workspace is there, see `exists`; services name a missing child in many ways
        _check(status, said, workspace)
        return said


def exists(arm: Arm, workspace: Workspace) -> None:
    """Raise WorkspaceForbidden or WorkspaceNotFound unless the identity may see the workspace."""
    _check(*arm.send("GET", workspace.id), workspace)


@dataclass(frozen=True)
class Permissions:
    """What the identity may do on a workspace; `blocks` is empty when Azure Resource Manager doesn't tell."""

    blocks: tuple[Json, ...] = ()

    def check(self, action: str, workspace: Workspace) -> None:
        """Raise WorkspaceForbidden when `action` (below Microsoft.MachineLearningServices/workspaces) isn't allowed.

        Where nothing is known, the request itself will tell.
        """
        wanted = f"microsoft.machinelearningservices/workspaces/{action}".lower()

        def matches(patterns: Sequence[str] | None) -> bool:
            return any(fnmatch.fnmatchcase(wanted, str(pattern).lower()) for pattern in patterns or ())

        if self.blocks and not any(
            matches(block.get("actions")) and not matches(block.get("notActions")) for block in self.blocks
        ):
            message = f"The identity may see workspace {workspace.name}, but has no role that allows {action}."
            raise WorkspaceForbidden(message, fix=_grant(workspace))


@dataclass(frozen=True)
class Seen:
    """What was found on a workspace before anything was planned."""

    connections: tuple[Json, ...]
    permissions: Permissions = Permissions()


def permissions(arm: Arm, workspace: Workspace) -> Permissions:
    """Ask what the identity may do, so that a missing role shows before the wheel is published.

    REST reference, "Permissions - List For Resource", 2022-04-01; any reader may ask.
    """
    path = f"{workspace.id}/providers/Microsoft.Authorization/permissions"
    status, said = arm.send("GET", path, version="2022-04-01")
    return Permissions(_items(said.get("value")) if status < 400 else ())  # noqa: PLR2004


def connections(arm: Arm, workspace: Workspace) -> tuple[Json, ...]:
    """Return all connections of the workspace (never their secrets), every page of the list."""
    found: list[Json] = []
    path = f"{workspace.id}/connections"
    for _ in range(1000):
        status, said = arm.send("GET", path)
        _check(status, said, workspace)
        found += _items(said.get("value"))
        path = str(said.get("nextLink") or "")
        if not path.startswith(f"{ARM}/"):
            break
    return tuple(found)


def plan_connection(
    arm: Arm, connection: Connection, token: Secret, workspace: Workspace, seen: Seen
) -> Change[Connection]:
    """Say what storing `token` under `connection` means. A stored secret can't be read back, so a fingerprint decides.

    Raises ConnectionConflict when another connection has the target, or the name stands for something else.
    """
    mine: Json = {}
    for each in seen.connections:
        properties = _object(each.get("properties"))
        other = Connection(
            *(str(found or "") for found in (each.get("name"), *map(properties.get, ("target", "category"))))
        )
        if other.name.lower() == connection.name.lower():
            mine = properties
        _check_rival(other, connection, workspace)
    mark = fingerprint(token, f"{workspace.id}/connections/{connection.name}")
    subject = f"connection {connection.name} on {workspace.name}"
    if mine and (mine.get("metadata") or {}).get(FINGERPRINT) == mark and mine.get("authType") == "PAT":
        return Change(subject, Verb.KEEP, "same target and same token", connection)
    seen.permissions.check("connections/write", workspace)
    verb, why = (Verb.UPDATE, "another token, or stored by another tool") if mine else (Verb.CREATE, "new")

    def effect() -> None:
        _store(arm, workspace, connection, token, mark)

    return Change(subject, verb, why, connection, effect)


def _check_rival(other: Connection, connection: Connection, workspace: Workspace) -> None:
    """Raise ConnectionConflict when the existing connection `other` stands in the way of ours."""
    what = f"Connection {other.name} of {workspace.name} is for {other.target} ({other.category})"
    same = _same_target(other.target, connection.target)
    if other.name.lower() == connection.name.lower():
        if not same or other.category != connection.category:
            message = f"{what}, not for {connection.target}."
            raise ConnectionConflict(message, fix="Set `connection-name` to a name that is free.")
    elif same:
        message = f"{what} as well."
        raise ConnectionConflict(message)
    elif other.category == connection.category and _nearer(other, connection):
        message = f"{what}, which is nearer to the feed than {connection.target}: image builds would use its token."
        raise ConnectionConflict(message, fix=f"Delete connection {other.name}, if the feed needs no token of its own.")


def _nearer(other: Connection, connection: Connection) -> bool:
    """Tell whether the image builder would take `other` for the feed: the longest target wins."""
    return bool(connection.index) and len(other.target) > len(connection.target) and other.covers(connection.index)


def _store(arm: Arm, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
    path = f"{workspace.id}/connections/{quote(connection.name)}"
    body: Json = {
        "properties": {
            "category": connection.category,
            "target": connection.target,
            "authType": "PAT",
            "credentials": {"pat": token.reveal()},
            "isSharedToAll": True,
            "metadata": {FINGERPRINT: mark},
        }
    }
    status, said = arm.send("PUT", path, body)
    _check(status, said, workspace)
    stored = _object((arm.find(path, workspace) or {}).get("properties"))
    if not _same_target(stored.get("target", ""), connection.target):
        message = (
            f"Connection {connection.name} of {workspace.name} shows target {stored.get('target')!r} after the write."
        )
        raise ReadBackDiffers(message)


def fingerprint(token: Secret, place: str) -> str:
    """Return 16 hex digits that tell whether the stored token is this one, and nothing about the token.

    Anybody who may read the workspace sees it, so it is slow to compute (PBKDF2, which FIPS machines have too) and
    different in each `place`.
    """
    return hashlib.pbkdf2_hmac("sha256", token.reveal().encode(), place.lower().encode(), 200_000, dklen=8).hex()


def plan_environment(
    arm: Arm, environment: Environment, tags: Mapping[str, str], workspace: Workspace, seen: Seen
) -> Change[Environment]:
    """Say what registering `environment` means; raise EnvironmentConflict when the version holds something else."""
    path = _environment_path(workspace, environment)
    subject = f"environment {environment.name}:{environment.version} on {workspace.name}"
    registered = arm.find(path, workspace)
    if registered is not None:
        _same(registered, environment, workspace)
        return Change(subject, Verb.KEEP, "registered with the same definition", environment)
    seen.permissions.check("environments/versions/write", workspace)

    def effect() -> None:
        _register(arm, workspace, environment, tags)

    return Change(subject, Verb.CREATE, "new definition", environment, effect)


def _register(arm: Arm, workspace: Workspace, environment: Environment, tags: Mapping[str, str]) -> None:
    """PUT the version, then GET it: a PUT can answer 200 and change only the tags, and a 409 may be our own retry."""
    path = _environment_path(workspace, environment)
    body: Json = {
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
    status, said = arm.send("PUT", path, body)
    if status != 409:  # noqa: PLR2004
        _check(status, said, workspace)
    registered = arm.find(path, workspace)
    if registered is None:
        message = f"{environment.reference} isn't there after it was registered on {workspace.name}."
        raise ReadBackDiffers(message)
    _same(registered, environment, workspace)


def _environment_path(workspace: Workspace, environment: Environment) -> str:
    return f"{workspace.id}/environments/{quote(environment.name)}/versions/{quote(environment.version, safe='')}"


def _same(registered: Json, environment: Environment, workspace: Workspace) -> None:
    properties = _object(registered.get("properties"))
    if not environment.same_as(properties.get("image") or "", properties.get("condaFile") or ""):
        message = f"{environment.reference} is registered on {workspace.name} with another definition."
        raise EnvironmentConflict(message)


def _same_target(one: str | None, other: str) -> bool:
    return (one or "").rstrip("/").lower() == other.rstrip("/").lower()


_NO_WORKSPACE = {
    "SubscriptionNotFound": "subscription",
    "InvalidSubscriptionId": "subscription",
    "ResourceGroupNotFound": "resource group",
    "ResourceNotFound": "workspace",
    "ParentResourceNotFound": "workspace",
    "WorkspaceNotFound": "workspace",
}


def _check(status: int, said: Json, workspace: Workspace) -> None:
    """Raise the catalogue's error for an answer of 400 or more."""
    if 200 <= status < 300:  # noqa: PLR2004
        return
    code, details = _code(said), str(_object(said.get("error")).get("message") or said.get("message") or "")[:2000]
    if status in (401, 403):
        message = f"Azure Resource Manager forbids this on {workspace.id}: {status} {code}."
        raise WorkspaceForbidden(message, fix=_grant(workspace), details=details)
    if status == 404:  # noqa: PLR2004
        missing = _NO_WORKSPACE.get(code, "workspace")
        name = {"subscription": workspace.subscription, "resource group": workspace.group}.get(missing, workspace.name)
        raise WorkspaceNotFound(f"There is no {missing} {name}: 404 {code}.", details=details)
    raise AzureRefused(f"Azure Resource Manager answered {status} {code} for {workspace.name}.", details=details)


def _grant(workspace: Workspace) -> str:
    """Return what gives an identity all that the step needs (Learn, how-to-assign-roles)."""
    return (
        "Grant the role: az role assignment create --role 'AzureML Data Scientist' --assignee CLIENT-ID "
        f"--scope {workspace.id}"
    )


def _code(said: Json) -> str:
    return str(_object(said.get("error")).get("code") or "")


def _object(value: object) -> Json:
    """Return `value` if it is a JSON object, else an empty one: what a service sends isn't always what it documents."""
    return value if isinstance(value, dict) else {}


def _items(value: object) -> tuple[Json, ...]:
    """Return the objects of a JSON array."""
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


@contextlib.contextmanager
def _network() -> Iterator[None]:
    """Turn azure-core's failures into ours. The originals aren't chained: they carry the request with its token."""
    host = ARM.removeprefix("https://")
    try:
        yield
    except exceptions.ServiceResponseTimeoutError:
        message = f"{host} gave no answer within {READ} seconds."
        raise TooSlow(message) from None
    except (
        exceptions.ServiceRequestError,
        exceptions.ServiceResponseError,
        exceptions.IncompleteReadError,
    ) as error:
        raise NoNetwork(host, type(error.inner_exception or error).__name__) from None
