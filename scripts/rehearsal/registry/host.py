"""Container registries: mcr.microsoft.com, open to all, one that wants its token flow, and two private ones.

After the OCI distribution spec v1.1, the Docker registry token specification, and Azure/acr, AAD-OAuth.md.
"""

import base64
import hashlib
import json
import time
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..sign_in import entra
from ..state import names
from ..state.images import BLOBS, digest
from ..state.store import Store
from ..web import tokens
from ..web.answers import Refusal, json_answer
from ..web.authorization import bearer_token
from ..web.routes import application, route

Kind = Literal["open", "token", "entra", "password"]
HOSTS: dict[str, Kind] = {
    "mcr.microsoft.com": "open",
    names.TOKEN_REGISTRY: "token",
    names.PRIVATE_REGISTRY: "entra",
    names.OTHER_REGISTRY: "password",
}
"""Who may pull: all, all with a token, who has a role in Entra, who has a password."""
FILES = "eastus.data.mcr.microsoft.com"
"""Where mcr.microsoft.com sends for blobs (MicrosoftContainerRegistry, client-firewall-rules.md)."""


def app(store: Store, host: str, kind: Kind = "open") -> Starlette:
    """Return the registry `host`."""
    key = hashlib.sha256(host.encode()).hexdigest()

    def repository(request: Request) -> dict[str, str]:
        name = request.path_params["repository"]
        if kind != "open":
            _check_token(request, host, name, key)
        found: dict[str, str] | None = store.read("registry").get(host, {}).get(name)
        if found is None:
            raise _error(404, "NAME_UNKNOWN", f'repository "{name}" is not found')
        return found

    async def base(request: Request) -> Response:
        if kind != "open" and not bearer_token(request.headers.get("authorization", "")):
            raise _challenge(host, "")
        return json_answer(200, {})

    async def manifest(request: Request) -> Response:
        return _manifest(request, repository(request), store.read("registry")[BLOBS])

    async def blob(request: Request) -> Response:
        repository(request)
        if kind == "open":
            return RedirectResponse(f"https://{FILES}/{request.path_params['digest']}", 307)
        return _blob(store, request)

    async def tags(request: Request) -> Response:
        listed = sorted(repository(request))
        return json_answer(200, {"name": request.path_params["repository"], "tags": listed})

    def granted(name: str, scope: str) -> Response:
        claims = {"aud": host, "kind": name, "scope": scope, "exp": int(time.time()) + 300}
        return json_answer(200, {name: tokens.issue(claims, key), "expires_in": 300})

    async def token(request: Request) -> Response:
        if not _may_have_token(kind, request.headers.get("authorization", "")):
            raise _challenge(host, "")
        return granted("access_token", request.query_params.get("scope", ""))

    async def exchange(request: Request) -> Response:
        """Give a refresh token for Entra's; then an access token for that."""
        async with request.form() as form:
            fields = {name: str(value) for name, value in form.items()}
        if fields.get("service") != host:
            raise _error(400, "UNSUPPORTED", "service is another registry")
        if request.url.path.lower().endswith("/exchange"):
            _check_entra(store, fields)
            return granted("refresh_token", "")
        claims = tokens.verified(fields.get("refresh_token", ""), key)
        if fields.get("grant_type") != "refresh_token" or not claims or claims["kind"] != "refresh_token":
            raise _error(401, "UNAUTHORIZED", "the refresh token isn't this registry's")
        return granted("access_token", fields.get("scope", ""))

    routes = [
        route("/v2/", base, "GET"),
        route("/v2/{repository:path}/manifests/{reference}", manifest, "GET"),
        route("/v2/{repository:path}/blobs/{digest}", blob, "GET"),
        route("/v2/{repository:path}/tags/list", tags, "GET"),
    ]
    if kind != "open":
        routes.append(route("/oauth2/token", token, "GET"))
    if kind == "entra":
        routes += [route(path, exchange, "POST") for path in ("/oauth2/exchange", "/oauth2/token")]
    return application(routes, lambda _: _error(404, "UNSUPPORTED", "no such endpoint").response)


def files_app(store: Store) -> Starlette:
    """Return the store of mcr.microsoft.com's blobs; it takes no credential, as a store of signed addresses."""

    async def blob(request: Request) -> Response:
        return _blob(store, request)

    return application([route("/{digest}", blob, "GET")], lambda _: Response(status_code=404))


def _blob(store: Store, request: Request) -> Response:
    found = store.read("registry")[BLOBS].get(request.path_params["digest"])
    if found is None:
        raise _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    return Response(found, media_type="application/octet-stream")


def _manifest(request: Request, manifests: dict[str, str], blobs: dict[str, str]) -> Response:
    """Return a manifest by tag or digest; not to clients that can't read its type, as registries do."""
    reference = request.path_params["reference"]
    by_digest = {digest(text): text for text in manifests.values()}
    text = by_digest.get(reference) or manifests.get(reference) or blobs.get(reference)
    if text is None:
        raise _error(404, "MANIFEST_UNKNOWN", f'manifest tagged by "{reference}" is not found')
    kind = json.loads(text)["mediaType"]
    accepted = ",".join(request.headers.getlist("accept")) or "*/*"
    if kind not in accepted and "*/*" not in accepted:
        raise _error(404, "MANIFEST_UNKNOWN", f"{kind} found, but the accept header does not support it")
    fields = {
        "Docker-Content-Digest": digest(text),
        "Docker-Distribution-Api-Version": "registry/2.0",
        "ETag": f'"{digest(text)}"',
    }
    return Response(text, media_type=kind, headers=fields)


def _may_have_token(kind: Kind, authorization: str) -> bool:
    """Tell whether one who sends this header gets a token to pull."""
    pair = f"{names.REGISTRY_USER}:{names.REGISTRY_TOKEN}"
    basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return kind == "token" or (kind == "password" and authorization == basic)


def _check_entra(store: Store, fields: dict[str, str]) -> None:
    """Check that the token is Entra's for Azure Resource Manager, and that its application has the role AcrPull."""
    claims = tokens.verified(fields.get("access_token", ""), store.read("entra")["signing_key"])
    allowed = claims and claims["aud"] in entra.ARM_AUDIENCES and claims["tid"] == fields.get("tenant", claims["tid"])
    if fields.get("grant_type") != "access_token" or not allowed or claims["appid"] != names.CLIENT_ID:  # type: ignore[index]
        raise _error(401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization")


def _check_token(request: Request, host: str, repository: str, key: str) -> None:
    scope = f"repository:{repository}:pull"
    token = bearer_token(request.headers.get("authorization", ""))
    claims = tokens.verified(token, key) if token else None
    if claims is None or claims["exp"] < time.time() or claims["scope"] != scope:
        raise _challenge(host, scope)


def _challenge(host: str, scope: str) -> Refusal:
    fields = [f'realm="https://{host}/oauth2/token"', f'service="{host}"', *([f'scope="{scope}"'] if scope else [])]
    refusal = _error(401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization")
    refusal.response.headers["WWW-Authenticate"] = "Bearer " + ",".join(fields)
    return refusal


def _error(status: int, code: str, message: str) -> Refusal:
    content: dict[str, Any] = {"errors": [{"code": code, "message": message, "detail": None}]}
    return Refusal(json_answer(status, content))
