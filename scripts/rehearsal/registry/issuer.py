"""The tokens of a registry, and who gets one: the Docker registry token specification; Azure/acr, AAD-OAuth.md."""

import base64
import hashlib
import time
from collections.abc import Iterator
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..sign_in import entra
from ..state import names
from ..state.store import Store
from ..web import tokens
from ..web.answers import Refusal, json_answer
from ..web.authorization import bearer_token
from ..web.routes import route

Kind = Literal["open", "token", "entra", "password"]
"""Who may pull: all, all with a token, who has a role in Entra, who has a password."""


class Issuer:
    """Issues and checks the tokens of one registry."""

    def __init__(self, store: Store, host: str) -> None:
        """Issue for `host`."""
        self._store = store
        self._host = host
        self._key = hashlib.sha256(host.encode()).hexdigest()

    def routes(self, kind: Kind) -> Iterator[Route]:
        """Yield where tokens are asked for."""

        async def token(request: Request) -> Response:
            """Give an access token to anybody, or to the one user."""
            if kind != "token" and (kind != "password" or not _is_user(request)):
                raise self.challenge("")
            return self._granted("access_token", request.query_params.get("scope", ""))

        async def exchange(request: Request) -> Response:
            async with request.form() as form:
                fields = {name: str(value) for name, value in form.items()}
            return self._exchanged(request.url.path.lower(), fields)

        if kind != "open":
            yield route("/oauth2/token", token, "GET")
        if kind == "entra":
            yield from (route(path, exchange, "POST") for path in ("/oauth2/exchange", "/oauth2/token"))

    def check(self, request: Request, repository: str) -> None:
        """Refuse a request without an access token for the repository."""
        scope = f"repository:{repository}:pull"
        claims = self._claims(bearer_token(request.headers.get("authorization", "")) or "")
        if claims is None or claims["exp"] < time.time() or claims["scope"] != scope:
            raise self.challenge(scope)

    def challenge(self, scope: str) -> Refusal:
        """Return the refusal that says where to get a token."""
        realm = f'realm="https://{self._host}/oauth2/token"'
        fields = [realm, f'service="{self._host}"', *([f'scope="{scope}"'] if scope else [])]
        made = refusal(401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization")
        made.response.headers["WWW-Authenticate"] = "Bearer " + ",".join(fields)
        return made

    def _exchanged(self, path: str, fields: dict[str, str]) -> Response:
        """Give a refresh token for Entra's, or an access token for a refresh token."""
        if fields.get("service") != self._host:
            raise refusal(400, "UNSUPPORTED", "service is another registry")
        if path.endswith("/exchange"):
            self._check_entra(fields)
            return self._granted("refresh_token", "")
        claims = self._claims(fields.get("refresh_token", ""))
        if fields.get("grant_type") != "refresh_token" or not claims or claims["kind"] != "refresh_token":
            raise refusal(401, "UNAUTHORIZED", "the refresh token isn't this registry's")
        return self._granted("access_token", fields.get("scope", ""))

    def _check_entra(self, fields: dict[str, str]) -> None:
        """Check that the token is Entra's for Azure Resource Manager, and that its application has the role AcrPull."""
        claims = tokens.verified(fields.get("access_token", ""), self._store.read("entra")["signing_key"]) or {}
        known = claims.get("aud") in entra.ARM_AUDIENCES and claims["appid"] == names.CLIENT_ID
        if not known or (fields.get("grant_type"), fields.get("tenant")) != ("access_token", claims["tid"]):
            raise refusal(401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization")

    def _claims(self, token: str) -> dict[str, Any] | None:
        return tokens.verified(token, self._key)

    def _granted(self, kind: str, scope: str) -> Response:
        claims = {"aud": self._host, "kind": kind, "scope": scope, "exp": int(time.time()) + 300}
        return json_answer(200, {kind: tokens.issue(claims, self._key), "expires_in": 300})


def refusal(status: int, code: str, message: str) -> Refusal:
    """Return an error in the shape of the OCI distribution specification."""
    content: dict[str, Any] = {"errors": [{"code": code, "message": message, "detail": None}]}
    return Refusal(json_answer(status, content))


def _is_user(request: Request) -> bool:
    pair = f"{names.REGISTRY_USER}:{names.REGISTRY_TOKEN}"
    return request.headers.get("authorization") == f"Basic {base64.b64encode(pair.encode()).decode()}"
