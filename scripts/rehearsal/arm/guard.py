"""ARM's door: who asks, for which workspace, at which api-version, and whether he may.

Errors are worded as in Learn, azure-resource-manager/troubleshooting/common-deployment-errors, and as
azure-mgmt-core's users report them.
"""

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..sign_in.entra import ARM_AUDIENCES
from ..sign_in.entra import HOST as LOGIN_HOST
from ..state import names
from ..state.store import Store
from ..web import tokens
from ..web.answers import Refusal, json_answer
from ..web.authorization import bearer_token
from ..web.moments import moment
from ..web.routes import Handler

PROVIDER = "Microsoft.MachineLearningServices"
WORKSPACE_PATH = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + PROVIDER + "/workspaces/{workspace}"
)
STABLE = ("2024-04-01", "2025-12-01")
OLD_CONNECTIONS = "2020-01-01"
"""What azureml-core asks connections for; its shapes are its own."""
API_VERSIONS = {
    "subscriptions": ("2022-12-01",),
    "workspaces": (*STABLE, "2024-10-01-preview", "2022-05-01"),
    "permissions": ("2022-04-01",),
    "roleAssignments": ("2022-04-01",),
    "roleDefinitions": ("2022-04-01",),
    "storageAccounts": ("2023-05-01", "2024-01-01", "2025-01-01"),
    "workspaces/connections": (*STABLE, "2024-04-01-preview", OLD_CONNECTIONS),
    "workspaces/environments": (*STABLE, "2023-04-01-preview"),
    "workspaces/environments/versions": (*STABLE, "2023-04-01-preview"),
    "workspaces/jobs": (*STABLE, "2023-02-01-preview", "2025-01-01-preview"),
}
"""The stable versions of azure-rest-api-specs, and what azure-ai-ml 1.35 and azureml-core 1.61 send."""
WORKSPACE_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$")


@dataclass(frozen=True)
class Caller:
    """The application that asks."""

    application: str
    object_id: str
    role: str | None


@dataclass(frozen=True)
class Workspace:
    """A workspace as it is, under its own spelling; ARM ids match in any case."""

    subscription: str
    group: str
    name: str
    record: dict[str, Any]

    @property
    def id(self) -> str:
        """The ARM id."""
        return WORKSPACE_PATH.format(subscription=self.subscription, group=self.group, workspace=self.name)

    @property
    def storage_account(self) -> str:
        """The name of its own storage account."""
        return names.storage_account(self.id)

    def records(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return its record in the document `arm`, to be changed."""
        found: dict[str, Any] = document[self.subscription][self.group][self.name]
        return found


@dataclass(frozen=True)
class Visit:
    """A request that may do what it asks."""

    request: Request
    workspace: Workspace
    caller: Caller
    records: dict[str, Any]
    """The workspace's record, to be changed where the request changes something."""

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])


Operation = Callable[[Visit, Any], Response]


def guarded(store: Store, kind: str, *, versioned: bool = True, **by_method: Operation) -> Handler:
    """Return a handler that checks a request and lets the operation of its method answer."""

    async def handle(request: Request) -> Response:
        workspace, caller = enter(store, request, kind, versioned=versioned)
        operation = by_method[request.method]
        if request.method in {"GET", "HEAD"}:
            return operation(Visit(request, workspace, caller, workspace.record), None)
        content = await json_body(request) if request.method in {"PUT", "POST", "PATCH"} else None
        with store.edit("arm") as document:
            return operation(Visit(request, workspace, caller, workspace.records(document)), content)

    return handle


def error(status: int, code: str, message: str, **headers: str) -> Refusal:
    """Return an error in ARM's shape."""
    fields = {"x-ms-request-id": str(uuid.uuid4()), **headers}
    return Refusal(json_answer(status, {"error": {"code": code, "message": message}}, **fields))


def enter(store: Store, request: Request, kind: str, *, versioned: bool = True) -> tuple[Workspace, Caller]:
    """Return the workspace and the caller, who may do what he asks; refuses in ARM's order.

    401 without a token for ARM; 400 for the api-version, which `versioned` paths have; 404 for the subscription;
    403 without a role; 404 for group and workspace.
    """
    caller = known_caller(store, request)
    if versioned:
        check_api_version(store, request, kind)
    known = subscriptions(store)
    subscription = _match(known, request.path_params["subscription"])
    if subscription is None:
        wanted = request.path_params["subscription"]
        raise error(404, "SubscriptionNotFound", f"The subscription '{wanted}' could not be found.")
    check_role(caller, request, kind)
    return _workspace(request, subscription, known[subscription]), caller


def subscriptions(store: Store) -> dict[str, Any]:
    """Return what exists: subscription → resource group → workspace → its record."""
    return {key: value for key, value in store.peek("arm").items() if key != names.REFUSED_API_VERSIONS}


def _workspace(request: Request, subscription: str, groups: dict[str, Any]) -> Workspace:
    wanted_group, wanted = request.path_params["group"], request.path_params["workspace"]
    group = _match(groups, wanted_group)
    if group is None:
        raise error(404, "ResourceGroupNotFound", f"Resource group '{wanted_group}' could not be found.")
    name = _match(groups[group], wanted)
    if name is None:
        text = (
            f"The Resource '{PROVIDER}/workspaces/{wanted}' under resource group '{group}' was not found. "
            "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        )
        raise error(404, "ResourceNotFound", text)
    return Workspace(subscription, group, name, groups[group][name])


def _match(known: dict[str, Any], wanted: str) -> str | None:
    return next((name for name in known if name.lower() == wanted.lower()), None)


def known_caller(store: Store, request: Request) -> Caller:
    """Return who asks; refuses with 401 without a token for ARM."""
    entra = store.read("entra")
    token = bearer_token(request.headers.get("authorization", ""))
    if token is None:
        raise _unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    claims = tokens.verified(token, entra["signing_key"])
    if claims is None:
        raise _unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
    audience = claims["aud"]
    if audience.rstrip("/") not in {one.rstrip("/") for one in ARM_AUDIENCES}:
        text = (
            f"The access token has been obtained for wrong audience or resource '{audience}'. It should exactly "
            "match with one of the allowed audiences 'https://management.core.windows.net/',"
            "'https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'."
        )
        raise _unauthorized("InvalidAuthenticationTokenAudience", text)
    if claims["exp"] < time.time():
        text = f"The access token expiry UTC time '{moment(claims['exp'])}' is earlier than current UTC time."
        raise _unauthorized("ExpiredAuthenticationToken", text)
    role = entra["applications"].get(claims["appid"], {}).get("workspaces")
    return Caller(claims["appid"], claims["oid"], role)


def _unauthorized(code: str, message: str) -> Refusal:
    authority = f"https://{LOGIN_HOST}/{names.TENANT_ID}"
    challenge = f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{message}"'
    return error(401, code, message, WWW_Authenticate=challenge)


def check_api_version(store: Store, request: Request, kind: str) -> None:
    """Refuse a request without an api-version, or with one that isn't known or was switched off in the state."""
    version = request.query_params.get("api-version")
    refused = store.peek("arm").get(names.REFUSED_API_VERSIONS, [])
    supported = ", ".join(known for known in API_VERSIONS[kind] if known not in refused)
    if version is None:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        raise error(400, "MissingApiVersionParameter", text)
    if version not in supported.split(", "):
        text = (
            f"No registered resource provider found for location 'westeurope' and API version '{version}' "
            f"for type '{kind}'. The supported api-versions are '{supported}'."
        )
        raise error(400, "NoRegisteredProviderFound", text)


_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "POST": "write", "DELETE": "delete"}
BUILD = "workspaces/environments/build"
"""Not a type but an action (Learn, how-to-assign-roles: `environments/build/action`)."""


def check_role(caller: Caller, request: Request, kind: str) -> None:
    """Refuse with 403 what the caller's role doesn't allow."""
    verb = "action" if kind == BUILD else _VERBS[request.method]
    if caller.role == "Contributor" or (caller.role == "Reader" and verb == "read"):
        return
    scope = request.url.path
    text = (
        f"The client '{caller.application}' with object id '{caller.object_id}' does not have authorization to "
        f"perform action '{PROVIDER}/{kind}/{verb}' over scope '{scope}' or the scope is invalid. If access was "
        "recently granted, please refresh your credentials."
    )
    raise error(403, "AuthorizationFailed", text)


def check_name(value: str, pattern: re.Pattern[str], what: str) -> None:
    """Refuse a name that the resource's path pattern in the spec doesn't match."""
    if not pattern.fullmatch(value):
        text = f"The {what} '{value}' is invalid: it must match the pattern '{pattern.pattern}'."
        raise error(400, "ValidationError", text)


async def json_body(request: Request) -> Any:  # noqa: ANN401  # JSON
    """Return the request's JSON, None without any."""
    if not await request.body():
        return None
    try:
        return await request.json()
    except ValueError:
        raise error(400, "InvalidRequestContent", "The request content was invalid: it isn't JSON.") from None


def page(request: Request, values: list[dict[str, Any]], size: int) -> Response:
    """Return one page of a list, with `nextLink` while more follows."""
    start = int(request.query_params.get("$skip", "0"))
    content: dict[str, Any] = {"value": values[start : start + size]}
    if start + size < len(values):
        content["nextLink"] = str(request.url.include_query_params(**{"$skip": start + size}))
    return json_answer(200, content)
