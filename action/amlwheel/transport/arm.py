"""Requests to Azure Resource Manager, with retries, time limits and the step's own errors.

Source of the paths, bodies and rules: azure-rest-api-specs, Microsoft.MachineLearningServices, stable/2024-04-01.
"""

import fnmatch
from collections.abc import Sequence
from typing import Any

from azure.core.pipeline import policies
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy, ARMHttpLoggingPolicy

from .. import __version__
from ..errors.transport import CredentialElsewhere
from ..errors.workspace import AzureRefused, WorkspaceForbidden, WorkspaceNotFound
from ..model import origin
from ..model.azure import Workspace
from ..model.package_index import shown
from ..model.secret import excerpt
from . import http
from .azure import Retries, network

ARM = "https://management.azure.com"
API_VERSION = "2024-04-01"
BRIEF = 5  # seconds for a question that may stay unanswered
Json = dict[str, Any]


class Arm:
    """A client of Azure Resource Manager."""

    def __init__(self, credential: Any, scope: str) -> None:  # noqa: ANN401  # azure-core's protocol is structural
        """Sign in with `credential` for `scope`.

        The policies are listed one by one, because the default set registers resource providers on some 409s.
        """
        self._client: ARMPipelineClient[HttpRequest, HttpResponse] = ARMPipelineClient(
            base_url=ARM,
            policies=[
                policies.RequestIdPolicy(),
                policies.HeadersPolicy(),
                policies.UserAgentPolicy(f"amlwheel/{__version__}"),
                Retries(),
                ARMChallengeAuthenticationPolicy(credential, scope),
                ARMHttpLoggingPolicy(),
            ],
        )

    def send(
        self, method: str, path: str, body: Json | None = None, *, version: str = API_VERSION, brief: bool = False
    ) -> tuple[int, Json]:
        """Send one request and return the response's status and JSON body; a status of 400 or more raises nothing.

        With `brief` there is one attempt only, and little time for it.

        `path` begins with a slash or is a whole address (a nextLink), which has to be one of Azure Resource Manager's.
        A bare array, the shape of lists before 2021 (azure-rest-api-specs, workspace connections 2020-06-01), is
        returned as `{"value": …}`, the shape of today.
        Raises NoNetwork, TooSlow, BeyondBounds, CredentialElsewhere, and AzureRefused for a success without JSON.
        """
        whole = not path.startswith("/")
        url = path if whole else ARM + path
        if not origin.same(url, ARM):
            raise CredentialElsewhere(f"An answer of {ARM} continues elsewhere: at {shown(url)[:200]}.")
        params = {} if whole else {"api-version": version}
        request = (
            HttpRequest(method, url, params=params, json=body) if body else HttpRequest(method, url, params=params)
        )
        read = BRIEF if brief else http.READ
        more: dict[str, Any] = {"retry_total": 0} if brief else {}
        with network(ARM.removeprefix("https://"), read):
            response = self._client.send_request(request, connection_timeout=http.CONNECT, read_timeout=read, **more)
            try:
                data = response.json() if response.content else {}
            except ValueError:
                data = None
        if isinstance(data, list):
            data = {"value": data}
        if not isinstance(data, dict) and response.status_code < 400:  # noqa: PLR2004
            raise AzureRefused(
                f"The response from Azure Resource Manager's address has status {response.status_code} and no JSON.",
                cause="A proxy or a sign-in page on the way answers in place of Azure.",
            )
        return response.status_code, object_in(data)

    def find(self, path: str, workspace: Workspace) -> Json | None:
        """GET a part of a workspace; return None when the workspace doesn't have it (404).

        Raises as `send` and `check` do.
        """
        status, body = self.send("GET", path)
        if status == 404:  # noqa: PLR2004
            return None  # that the workspace itself exists was checked before; error codes for a missing part vary
        check(status, body, workspace)
        return body


_NO_WORKSPACE = {
    "SubscriptionNotFound": "subscription",
    "InvalidSubscriptionId": "subscription",
    "ResourceGroupNotFound": "resource group",
    "ResourceNotFound": "workspace",
    "ParentResourceNotFound": "workspace",
    "WorkspaceNotFound": "workspace",
}


def check(status: int, body: Json, workspace: Workspace) -> None:
    """Raise WorkspaceForbidden, WorkspaceNotFound or AzureRefused unless the response is a success."""
    if 200 <= status < 300:  # noqa: PLR2004
        return
    code, message = code_of(body), object_in(body.get("error")).get("message") or body.get("message") or ""
    details = excerpt(str(message), 2000)
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
    """Return the advice that gives an identity every permission that the step needs (Learn, how-to-assign-roles)."""
    return (
        "Grant the role: az role assignment create --role 'AzureML Data Scientist' --assignee CLIENT-ID "
        f"--scope {workspace.id}"
    )


def code_of(body: Json) -> str:
    """Return the error code in a response's body, empty when there is none."""
    return str(object_in(body.get("error")).get("code") or "")


def object_in(value: object) -> Json:
    """Return `value` if it is a JSON object, else an empty one: services don't always send what they document."""
    return value if isinstance(value, dict) else {}


def items_in(value: object) -> tuple[Json, ...]:
    """Return the objects in a JSON array; none when `value` isn't an array."""
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def allows(blocks: Sequence[Json], *, action: str = "", data: str = "") -> bool:
    """Tell whether one of the roles' permission `blocks` allows an `action` on resources, or on the `data` in them."""
    operation, kind = (data, "dataActions") if data else (action, "actions")

    def matches(patterns: object) -> bool:
        listed = patterns if isinstance(patterns, list) else ()
        return any(fnmatch.fnmatchcase(operation.lower(), str(each).lower()) for each in listed)

    return any(
        matches(block.get(kind)) and not matches(block.get(f"not{kind[0].upper()}{kind[1:]}")) for block in blocks
    )
