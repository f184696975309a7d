"""Container registries: mcr.microsoft.com, open to all, and one that wants its token flow.

After the OCI distribution spec v1.1 and, for the token flow, the Docker registry token specification.
"""

import hashlib
import time
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ..state.images import MEDIA_TYPE, digest
from ..state.store import Store
from ..web import tokens
from ..web.answers import Refusal, json_answer
from ..web.authorization import bearer_token
from ..web.routes import application, route


def app(store: Store, host: str, *, wants_token: bool = False) -> Starlette:
    """Return the registry `host`. Anyone may get a token to pull, as from a registry with anonymous pull."""
    key = hashlib.sha256(host.encode()).hexdigest()

    def repository(request: Request) -> dict[str, str]:
        name = request.path_params["repository"]
        if wants_token:
            _check_token(request, host, name, key)
        found: dict[str, str] | None = store.read("registry").get(host, {}).get(name)
        if found is None:
            raise _error(404, "NAME_UNKNOWN", f'repository "{name}" is not found')
        return found

    async def base(request: Request) -> Response:
        if wants_token and not bearer_token(request.headers.get("authorization", "")):
            raise _challenge(host, "")
        return json_answer(200, {})

    async def manifest(request: Request) -> Response:
        return _manifest(request, repository(request))

    async def tags(request: Request) -> Response:
        listed = sorted(repository(request))
        return json_answer(200, {"name": request.path_params["repository"], "tags": listed})

    async def token(request: Request) -> Response:
        claims = {"aud": host, "scope": request.query_params.get("scope", ""), "exp": int(time.time()) + 300}
        return json_answer(200, {"access_token": tokens.issue(claims, key), "expires_in": 300})

    routes = [
        route("/v2/", base, "GET"),
        route("/v2/{repository:path}/manifests/{reference}", manifest, "GET"),
        route("/v2/{repository:path}/tags/list", tags, "GET"),
    ]
    if wants_token:
        routes.append(route("/oauth2/token", token, "GET"))
    return application(routes, lambda _: _error(404, "UNSUPPORTED", "no such endpoint").response)


def _manifest(request: Request, manifests: dict[str, str]) -> Response:
    """Return a manifest by tag or digest; not to clients that can't read its type, as registries do."""
    reference = request.path_params["reference"]
    by_digest = {digest(text): text for text in manifests.values()}
    text = by_digest.get(reference) or manifests.get(reference)
    if text is None:
        raise _error(404, "MANIFEST_UNKNOWN", f'manifest tagged by "{reference}" is not found')
    accepted = ",".join(request.headers.getlist("accept")) or "*/*"
    if MEDIA_TYPE not in accepted and "*/*" not in accepted:
        raise _error(404, "MANIFEST_UNKNOWN", f"{MEDIA_TYPE} found, but the accept header does not support it")
    fields = {
        "Docker-Content-Digest": digest(text),
        "Docker-Distribution-Api-Version": "registry/2.0",
        "ETag": f'"{digest(text)}"',
    }
    return Response(text, media_type=MEDIA_TYPE, headers=fields)


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
