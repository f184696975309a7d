"""What Azure Pipelines gives a running job: its own token, and a federated token for a service connection."""

import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..state import names
from ..state.store import Store
from ..web import tokens
from ..web.answers import json_answer
from ..web.authorization import bearer_token
from ..web.devops import devops_error
from ..web.routes import route

PATH = "/{organization}/{project}/_apis/distributedtask/hubs/build/plans/{plan}/jobs/{job}/oidctoken"
API_VERSION = "7.1"
"""As AzurePipelinesCredential asks for (azure-identity 1.27); 7.1-preview.1 is what the tasks ask for."""
LIFETIME = 600
"""Seconds: about ten minutes (azure-pipelines-tasks#21798, azure-cli#28708)."""


def request_uri() -> str:
    """Return System.OidcRequestUri of the local Azure's one job."""
    parts = {"organization": names.ORGANIZATION, "project": names.guid(names.ORGANIZATION, names.PROJECT)}
    return "https://dev.azure.com" + PATH.format(plan=names.guid("plan"), job=names.guid("job"), **parts)


def federated_token(entra: dict[str, Any], connection: str, lifetime: float = LIFETIME) -> str:
    """Return a federated token for a service connection, by GUID (Learn, workload identity: issuer and subject)."""
    now = int(time.time())
    claims = {
        "iss": f"https://vstoken.dev.azure.com/{names.guid(names.ORGANIZATION)}",
        "sub": entra["service_connections"][connection],
        "aud": "api://AzureADTokenExchange",
        "iat": now,
        "nbf": now,
        "exp": int(now + lifetime),
    }
    return tokens.issue(claims, entra["signing_key"])


def oidc_route(store: Store) -> Route:
    """Return the route that answers System.OidcRequestUri."""

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_answer, store.read("entra"), request)

    return route(PATH, answer, "POST")


def _answer(entra: dict[str, Any], request: Request) -> Response:
    """Hand out a token to a job for a connection that its pipeline may use."""
    if bearer_token(request.headers.get("authorization", "")) not in entra["job_tokens"]:
        raise devops_error(401, "UnauthorizedRequestException", "TF400813: The user is not authorized.")
    if not request.query_params.get("api-version", "").startswith(API_VERSION):
        raise devops_error(400, "VssVersionNotSpecifiedException", "No api-version was supplied for the request.")
    connection = request.query_params.get("serviceConnectionId", "")
    if connection not in entra["service_connections"]:
        text = f"No service connection found with identifier {connection}, or the pipeline isn't authorized to use it."
        raise devops_error(404, "ServiceEndpointException", text)
    return json_answer(200, {"oidcToken": federated_token(entra, connection)})
