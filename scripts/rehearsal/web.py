"""What every stand-in needs of the web: routes as Azure matches them, JSON errors, reason phrases."""

import base64
import binascii
import re
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]

REASON_HEADER = "rehearsal-reason"
"""Carries a reason phrase to the proxy, which takes it off again: ASGI has no place for one."""


def route(path: str, handler: Handler, *methods: str) -> Route:
    """Return a route whose fixed parts match in any case, as in ARM and Azure DevOps."""
    made = Route(path, handler, methods=list(methods))
    made.path_regex = re.compile(made.path_regex.pattern, re.IGNORECASE)
    return made


def application(routes: list[Route], not_found: Callable[[Request], Response]) -> Starlette:
    """Return an app that answers unknown paths with ``not_found``."""

    async def missing(request: Request, _: Exception) -> Response:
        return not_found(request)

    app = Starlette(routes=routes, exception_handlers={404: missing, Refusal: _refuse})
    app.router.redirect_slashes = False
    return app


class Refusal(Exception):  # noqa: N818 (it is an answer, seldom an error)
    """Ends the handling of a request with this answer."""

    def __init__(self, response: Response) -> None:
        """Keep the answer."""
        super().__init__(response.status_code)
        self.response = response


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 (the handler is registered for this class alone)
    return error.response


def with_reason(response: Response, reason: str) -> Response:
    """Return the answer with this reason phrase, on one line and in latin-1 as HTTP/1.1 wants it."""
    line = " ".join(reason.split())
    response.headers[REASON_HEADER] = line.encode("latin-1", "replace").decode("latin-1")
    return response


def repaired(app: ASGIApp, host: str) -> ASGIApp:
    """Wrap an app so that mitmproxy's scope is what ASGI promises.

    mitmproxy percent-encodes ``path`` once more, gives ``raw_path`` as text with the query, and the
    scheme in capitals; it decodes the query string, which we therefore take from ``raw_path``; and
    HTTP/2 requests have no ``host`` header.
    """

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        raw, _, query = scope["raw_path"].partition("?")
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        fixed = {
            "headers": [(b"host", host.encode()), *headers],
            "path": urllib.parse.unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "scheme": scope["scheme"].lower(),
        }
        await app({**scope, **fixed}, receive, send)

    return call


def below(prefix: str, app: ASGIApp) -> ASGIApp:
    """Wrap an app so that it sees every path below ``prefix``."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": prefix + scope["path"]}, receive, send)

    return call


def basic_password(header: str) -> str | None:
    """Return the password of a Basic Authorization header with a user, else None."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    del user  # any user will do, none too: Learn, use-personal-access-tokens-to-authenticate
    return password or None


def bearer_token(header: str) -> str | None:
    """Return the token of a Bearer Authorization header, else None."""
    scheme, _, value = header.partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def json_answer(status: int, content: Any, **headers: str) -> Response:  # noqa: ANN401 (JSON)
    """Return a JSON answer; ``headers`` are spelled with underscores."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(content, status, fields)
