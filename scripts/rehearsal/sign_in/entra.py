"""login.microsoftonline.com: tokens for client secrets and for federated credentials."""

import fnmatch
import time
import uuid
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ..state import names
from ..state.store import Store
from ..web import tokens
from ..web.answers import Refusal, json_answer
from ..web.moments import moment
from ..web.routes import application, route

HOST = "login.microsoftonline.com"
ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net/")
"""azure-mgmt-core asks for the first, azure-core's users of old for the second."""
DEVOPS_AUDIENCE = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps: TwineAuthenticateV1 uses such a token as a feed's password (azure-pipelines-tasks)."""
STORAGE_AUDIENCE = "https://storage.azure.com"
"""Blobs of any account (Learn, storage/blobs/authorize-access-azure-active-directory)."""
LIFETIME = 3599

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def app(store: Store) -> Starlette:
    """Return the app."""

    async def discovery(request: Request) -> Response:
        return json_answer(200, _discovery(_tenant(store, request)))

    async def instance(_: Request) -> Response:
        return json_answer(200, _instance())

    async def token(request: Request) -> Response:
        tenant = _tenant(store, request)
        async with request.form() as form:
            fields = {name: str(value) for name, value in form.items()}
        return json_answer(200, _grant(store.read("entra"), tenant, fields), Cache_Control="no-store")

    return application(
        [
            route("/{tenant}/v2.0/.well-known/openid-configuration", discovery, "GET"),
            route("/{tenant}/discovery/instance", instance, "GET"),
            route("/{tenant}/oauth2/v2.0/token", token, "POST"),
        ],
        lambda request: json_answer(404, {"error": "not_found", "error_description": request.url.path}),
    )


def _tenant(store: Store, request: Request) -> str:
    tenant: str = request.path_params["tenant"]
    if tenant not in store.read("entra")["tenants"]:
        text = (
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing "
            "into the correct cloud. Check with your subscription administrator, this may happen if there "
            "are no active subscriptions for the tenant."
        )
        raise _error(400, "invalid_request", 90002, text)
    return tenant


def _grant(entra: dict[str, Any], tenant: str, fields: dict[str, str]) -> dict[str, Any]:
    client_id, grant = fields.get("client_id", ""), fields.get("grant_type", "")
    if grant != "client_credentials":
        text = f"The app requested an unsupported grant type '{grant}'."
        raise _error(400, "unsupported_grant_type", 70003, text)
    client = entra["applications"].get(client_id)
    if client is None:
        text = f"Application with identifier '{client_id}' was not found in the directory '{tenant}'."
        raise _error(400, "unauthorized_client", 700016, text)
    _prove(client, client_id, fields)
    access = tokens.issue(_claims(tenant, client_id, _audience(fields.get("scope", ""))), entra["signing_key"])
    return {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": access}


def _prove(client: dict[str, Any], client_id: str, fields: dict[str, str]) -> None:
    """Check the secret, or else the assertion; its signature can't be checked here, its claims can."""
    if fields.get("client_assertion_type") != _ASSERTION:
        if fields.get("client_secret") != client["secret"]:
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client "
                f"secret value, not the client secret ID, for a secret added to app '{client_id}'."
            )
            raise _error(401, "invalid_client", 7000215, text)
        return
    assertion = fields.get("client_assertion", "")
    claims = tokens.claims(assertion)
    if claims is None:
        raise _error(400, "invalid_request", 50027, "JWT token is invalid or malformed.")
    if claims.get("iss") == client_id:
        _check_certificate(client, client_id, assertion)
        return
    if claims.get("exp", 0) < time.time():
        raise _error(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
    if not any(_federated(entry, claims) for entry in client["federated"]):
        text = (
            "No matching federated identity record found for presented assertion subject "
            f"'{claims.get('sub')}'. Check your federated identity credential Subject, Audience and Issuer "
            "against the presented assertion."
        )
        raise _error(401, "invalid_client", 700213, text)


def _check_certificate(client: dict[str, Any], client_id: str, assertion: str) -> None:
    """Check a self-issued assertion against the application's certificates (Learn, certificate-credentials)."""
    if any(tokens.signed(assertion, pem) for pem in client.get("certificates", ())):
        return
    text = f"The certificate with identifier used to sign the client assertion is not registered on '{client_id}'."
    raise _error(401, "invalid_client", 700027, text)


def _federated(entry: dict[str, str], claims: dict[str, Any]) -> bool:
    return (
        claims.get("iss") == entry["issuer"]
        and claims.get("aud") == entry["audience"]
        and fnmatch.fnmatchcase(str(claims.get("sub")), entry["subject"])
    )


def _audience(scope: str) -> str:
    resource = scope.removesuffix("/.default")
    if resource == scope or resource not in (*ARM_AUDIENCES, DEVOPS_AUDIENCE, STORAGE_AUDIENCE):
        text = f"The resource principal named {resource} was not found in the tenant."
        raise _error(400, "invalid_resource", 500011, text)
    return resource


def _claims(tenant: str, client_id: str, audience: str) -> dict[str, Any]:
    now = int(time.time())
    return {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant}/",
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "appid": client_id,
        "idtyp": "app",
        "oid": names.guid("principal", client_id),
        "tid": tenant,
        "ver": "1.0",
    }


def _error(status: int, kind: str, number: int, text: str) -> Refusal:
    """Return an answer in the shape of Learn, reference-error-codes."""
    trace, correlation, now = str(uuid.uuid4()), str(uuid.uuid4()), moment(time.time())
    content = {
        "error": kind,
        "error_description": f"AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
        "error_codes": [number],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://{HOST}/error?code={number}",
    }
    return Refusal(json_answer(status, content))


def _discovery(tenant: str) -> dict[str, Any]:
    base = f"https://{HOST}/{tenant}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    }


def _instance() -> dict[str, Any]:
    return {
        "tenant_discovery_endpoint": f"https://{HOST}/common/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": HOST, "preferred_cache": "login.windows.net", "aliases": [HOST]}],
    }
