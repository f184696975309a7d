"""Container registries: mcr.microsoft.com, open to all, one that wants its token flow, and two private ones.

After the OCI distribution spec v1.1, the Docker registry token specification, and Azure/acr, AAD-OAuth.md.
"""

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..state import names
from ..state.images import BLOBS, digest
from ..state.store import Store
from ..web.answers import json_answer
from ..web.authorization import bearer_token
from ..web.routes import application, route
from .issuer import Issuer, Kind, refusal

HOSTS: dict[str, Kind] = {
    "mcr.microsoft.com": "open",
    names.TOKEN_REGISTRY: "token",
    names.PRIVATE_REGISTRY: "entra",
    names.OTHER_REGISTRY: "password",
}
"""The registries, by who may pull."""
FILES = "eastus.data.mcr.microsoft.com"
"""Where mcr.microsoft.com sends for blobs (MicrosoftContainerRegistry, client-firewall-rules.md)."""


def app(store: Store, host: str, kind: Kind = "open") -> Starlette:
    """Return the registry `host`."""
    issuer = Issuer(store, host)

    def repository(request: Request) -> dict[str, str]:
        name = request.path_params["repository"]
        if kind != "open":
            issuer.check(request, name)
        found: dict[str, str] | None = store.read("registry").get(host, {}).get(name)
        if found is None:
            raise refusal(404, "NAME_UNKNOWN", f'repository "{name}" is not found')
        return found

    async def base(request: Request) -> Response:
        if kind != "open" and not bearer_token(request.headers.get("authorization", "")):
            raise issuer.challenge("")
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

    return application(
        [
            route("/v2/", base, "GET"),
            route("/v2/{repository:path}/manifests/{reference}", manifest, "GET"),
            route("/v2/{repository:path}/blobs/{digest}", blob, "GET"),
            route("/v2/{repository:path}/tags/list", tags, "GET"),
            *issuer.routes(kind),
        ],
        lambda _: refusal(404, "UNSUPPORTED", "no such endpoint").response,
    )


def files_app(store: Store) -> Starlette:
    """Return the store of mcr.microsoft.com's blobs; it takes no credential, as a store of signed addresses."""

    async def blob(request: Request) -> Response:
        return _blob(store, request)

    return application([route("/{digest}", blob, "GET")], lambda _: Response(status_code=404))


def _blob(store: Store, request: Request) -> Response:
    found = store.read("registry")[BLOBS].get(request.path_params["digest"])
    if found is None:
        raise refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")
    return Response(found, media_type="application/octet-stream")


def _manifest(request: Request, manifests: dict[str, str], blobs: dict[str, str]) -> Response:
    """Return a manifest by tag or digest; not to clients that can't read its type, as registries do."""
    reference = request.path_params["reference"]
    by_digest = {digest(text): text for text in manifests.values()}
    text = by_digest.get(reference) or manifests.get(reference) or blobs.get(reference)
    if text is None:
        raise refusal(404, "MANIFEST_UNKNOWN", f'manifest tagged by "{reference}" is not found')
    kind = json.loads(text)["mediaType"]
    accepted = ",".join(request.headers.getlist("accept")) or "*/*"
    if kind not in accepted and "*/*" not in accepted:
        raise refusal(404, "MANIFEST_UNKNOWN", f"{kind} found, but the accept header does not support it")
    fields = {
        "Docker-Content-Digest": digest(text),
        "Docker-Distribution-Api-Version": "registry/2.0",
        "ETag": f'"{digest(text)}"',
    }
    return Response(text, media_type=kind, headers=fields)
