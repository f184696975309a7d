"""{account}.blob.core.windows.net of an account that isn't a workspace's own: who may come in; Azurite has the blobs.

What Azurite doesn't know is decided here: roles, the account's firewall, and whether it may be open to the public.
After "Authorize with Microsoft Entra ID", "Common REST API error codes" and "Blob service error codes" (REST reference
of Azure Storage), Learn, storage/common/storage-network-security and storage/blobs/anonymous-read-access-prevent.
"""

import asyncio
import base64
import email.utils
import hashlib
import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..state import names
from ..state.store import Store
from ..web import tokens
from ..web.answers import Refusal, with_reason
from ..web.authorization import bearer_token
from . import blobs, roles, sas
from .azurite import Azurite, Headers


class Accounts:
    """The stand-in for all accounts: the workspaces' own, and those in the document `storage`."""

    def __init__(self, store: Store, azurite: Azurite) -> None:
        """Take the state, and the Azurite that has the blobs."""
        self._store = store
        self._azurite = azurite
        self._own: ASGIApp = blobs.app(store)
        self._made: dict[tuple[str, str], object] = {}

    def exists(self, host: str) -> bool:
        """Tell whether there is such an account; the name of one that isn't there doesn't resolve."""
        found = blobs.HOST.fullmatch(host)
        own = (names.storage_account(names.workspace_id(each)) for each in (names.WORKSPACE, names.OTHER_WORKSPACE))
        return not found or found["account"].lower() in {*own, *self._store.read("storage")["accounts"]}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it to the app of the workspaces' own accounts."""
        request = Request(scope, receive)
        found = blobs.HOST.fullmatch(request.url.hostname or "")
        name = found["account"].lower() if found else ""
        account = self._store.read("storage")["accounts"].get(name)
        if account is None:
            await self._own(scope, receive, send)
            return
        body = await request.body()
        response = await asyncio.to_thread(self._answer, request, name, account, body)
        await response(scope, receive, send)

    def _answer(self, request: Request, name: str, account: dict[str, Any], body: bytes) -> Response:
        container, _, blob = request.url.path.lstrip("/").partition("/")
        try:
            self._admit(request, name, account, container, blob)
        except Refusal as refusal:
            return refusal.response
        self._make(name, account["containers"])
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in request.headers.raw]
        target = request.scope["raw_path"].decode() + (f"?{request.url.query}" if request.url.query else "")
        answer = self._azurite.send(request.method, target, headers, body)
        # mitmproxy counts a body anew: HEAD's goes with it in full length, and is taken off at the end.
        content = bytes(answer.length) if request.method == "HEAD" else answer.body
        response = Response(content, answer.status)
        response.raw_headers = [(key.lower().encode(), value.encode("latin-1")) for key, value in answer.headers]
        response.headers["content-length"] = str(len(content))
        return with_reason(response, answer.reason)

    def _admit(self, request: Request, name: str, account: dict[str, Any], container: str, blob: str) -> None:
        """Refuse in the service's order: the network, then who it is, then what he may."""
        if account["firewall"]:
            raise blobs.error(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
        if "sig" in request.query_params:
            return  # Azurite knows the key that it was made with
        token = bearer_token(request.headers.get("authorization", ""))
        if token is None:
            if not account["allow_public"]:
                text = "Public access is not permitted on this storage account."
                raise blobs.error(409, "PublicAccessNotPermitted", text)
            return  # Azurite knows which containers are public
        claims = tokens.verified(token, self._store.read("entra")["signing_key"])
        if claims is None:
            text = "Server failed to authenticate the request."
            raise blobs.error(401, "InvalidAuthenticationInfo", text)
        wanted = _wanted(request.method, request.query_params.get("restype"), blob)
        if not roles.allowed(self._store, claims["oid"], roles.container_id(self._store, name, container), wanted):
            text = "This request is not authorized to perform this operation using this permission."
            raise blobs.error(403, "AuthorizationPermissionMismatch", text)

    def _make(self, account: str, containers: dict[str, Any]) -> None:
        """Make the containers of the document that Azurite doesn't have yet, as their owner would with the key."""
        for name, public in containers.items():
            if self._made.get((account, name), self) != public:
                head = [("x-ms-blob-public-access", public)] if public else []
                for method_of, more in (("", head), ("&comp=acl", head)):
                    self._as_owner(account, f"/{name}", f"restype=container{method_of}", more)
                self._made[account, name] = public

    def _as_owner(self, account: str, path: str, query: str, more: Headers) -> None:
        """PUT with the account's key (REST reference, "Authorize with Shared Key")."""
        fixed = [("x-ms-date", email.utils.formatdate(usegmt=True)), ("x-ms-version", "2021-08-06"), *more]
        canonical = "".join(f"{key}:{value}\n" for key, value in sorted(fixed))
        resource = f"/{account}{path}" + "".join(f"\n{part.replace('=', ':')}" for part in sorted(query.split("&")))
        # Twelve empty lines: no Content-Length among them, since the body is empty.
        signed = "PUT" + "\n" * 12 + canonical + resource
        key = hmac.new(sas.key(self._store, account), signed.encode(), hashlib.sha256)
        mark = ("Authorization", f"SharedKey {account}:{base64.b64encode(key.digest()).decode()}")
        host = ("Host", f"{account}.blob.core.windows.net")
        answer = self._azurite.send("PUT", f"{path}?{query}", [host, *fixed, mark])
        if answer.status not in (200, 201, 409):
            raise RuntimeError(f"Azurite answered {answer.status} to its owner: {answer.body!r}")


def _wanted(method: str, kind: str | None, blob: str) -> tuple[str, bool]:
    """Return the operation as roles name it, and whether it is about data (REST, "Permissions for blob operations")."""
    verb = "read" if method in {"GET", "HEAD"} else "delete" if method == "DELETE" else "write"
    if kind == "container" or not blob:
        return f"{roles.CONTAINERS}/{verb}", False
    return f"{roles.CONTAINERS}/blobs/{verb}", True
