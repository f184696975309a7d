"""Requests to Azure Resource Manager: retries, time limits, and errors of the catalogue.

Source of paths, bodies and rules: azure-rest-api-specs, Microsoft.MachineLearningServices, stable/2024-04-01.
"""

import fnmatch
from collections.abc import Sequence
from typing import Any

from azure.core.pipeline import policies
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy, ARMHttpLoggingPolicy

from .. import __version__
from ..errors.workspace import AzureRefused, WorkspaceForbidden, WorkspaceNotFound
from ..model.azure import Workspace
from ..model.secret import excerpt
from .azure import network

ARM = "https://management.azure.com"
API_VERSION = "2024-04-01"
CONNECT, READ = 10, 60  # seconds; the library's own are 300
LONGEST_PAUSE = 60.0  # seconds between two attempts
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

        `path` begins with a slash or is a whole address (a nextLink). A bare array, the shape of lists before 2021
        (azure-rest-api-specs, workspace connections 2020-06-01), comes back as `{"value": …}`, the shape of today.
        Raises NoNetwork and TooSlow.
        """
        url = self._client.format_url(path)
        params = {} if path.startswith("http") else {"api-version": version}
        request = (
            HttpRequest(method, url, params=params, json=body) if body else HttpRequest(method, url, params=params)
        )
        with network(ARM.removeprefix("https://"), READ):
            response = self._client.send_request(request, connection_timeout=CONNECT, read_timeout=READ)
            try:
                said = response.json() if response.content else {}
            except ValueError:
                said = None
        if isinstance(said, list):
            said = {"value": said}
        if not isinstance(said, dict) and response.status_code < 400:  # noqa: PLR2004
            raise AzureRefused(
                f"Something between here and Azure Resource Manager answered {response.status_code} and no data.",
                cause="A proxy or a sign-in portal answers in the place of Azure.",
            )
        return response.status_code, object_in(said)

    def find(self, path: str, workspace: Workspace) -> Json | None:
        """GET something of a workspace; None when it doesn't exist there (404)."""
        status, said = self.send("GET", path)
        if status == 404:  # noqa: PLR2004
            return None  # the workspace is there, see `exists`; services name a missing child in many ways
        check(status, said, workspace)
        return said


_NO_WORKSPACE = {
    "SubscriptionNotFound": "subscription",
    "InvalidSubscriptionId": "subscription",
    "ResourceGroupNotFound": "resource group",
    "ResourceNotFound": "workspace",
    "ParentResourceNotFound": "workspace",
    "WorkspaceNotFound": "workspace",
}


def check(status: int, said: Json, workspace: Workspace) -> None:
    """Raise the catalogue's error for an answer of 400 or more."""
    if 200 <= status < 300:  # noqa: PLR2004
        return
    code, told = code_of(said), object_in(said.get("error")).get("message") or said.get("message") or ""
    details = excerpt(str(told), 2000)
    if status in (401, 403):
        raise WorkspaceForbidden(
            f"Azure Resource Manager forbids this on {workspace.id}: {status} {code}.",
            fix=grant(workspace),
            details=details,
        )
    if status == 404:  # noqa: PLR2004
        missing = _NO_WORKSPACE.get(code, "workspace")
        name = {"subscription": workspace.subscription, "resource group": workspace.group}.get(missing, workspace.name)
        raise WorkspaceNotFound(f"There is no {missing} {name}: 404 {code}.", details=details)
    raise AzureRefused(f"Azure Resource Manager answered {status} {code} for {workspace.name}.", details=details)


def grant(workspace: Workspace) -> str:
    """Return what gives an identity all that the step needs (Learn, how-to-assign-roles)."""
    return (
        "Grant the role: az role assignment create --role 'AzureML Data Scientist' --assignee CLIENT-ID "
        f"--scope {workspace.id}"
    )


def code_of(said: Json) -> str:
    """Return the code in an error's body, empty when there is none."""
    return str(object_in(said.get("error")).get("code") or "")


def object_in(value: object) -> Json:
    """Return `value` if it is a JSON object, else an empty one: what a service sends isn't always what it documents."""
    return value if isinstance(value, dict) else {}


def items_in(value: object) -> tuple[Json, ...]:
    """Return the objects of a JSON array."""
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def allows(blocks: Sequence[Json], *, action: str = "", data: str = "") -> bool:
    """Tell whether one of the permission `blocks` of roles allows an `action` on resources, or on `data` in them."""
    wanted, kind = (data, "dataActions") if data else (action, "actions")

    def matches(patterns: object) -> bool:
        listed = patterns if isinstance(patterns, list) else ()
        return any(fnmatch.fnmatchcase(wanted.lower(), str(each).lower()) for each in listed)

    return any(
        matches(block.get(kind)) and not matches(block.get(f"not{kind[0].upper()}{kind[1:]}")) for block in blocks
    )
