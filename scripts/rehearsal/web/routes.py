"""Routes as Azure matches them, and the app that they make."""

import re
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .answers import Refusal

Handler = Callable[[Request], Awaitable[Response]]


def route(path: str, handler: Handler, *methods: str) -> Route:
    """Return a route whose fixed parts match in any case, as in ARM and Azure DevOps."""
    made = Route(path, handler, methods=list(methods))
    made.path_regex = re.compile(made.path_regex.pattern, re.IGNORECASE)
    return made


def application(routes: list[Route], not_found: Callable[[Request], Response]) -> Starlette:
    """Return an app that answers unknown paths with `not_found`."""

    async def missing(request: Request, _: Exception) -> Response:
        return not_found(request)

    app = Starlette(routes=routes, exception_handlers={404: missing, Refusal: _refuse})
    app.router.redirect_slashes = False
    return app


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101  # the handler is registered for this class alone
    return error.response


def below(prefix: str, app: ASGIApp) -> ASGIApp:
    """Wrap an app so that it sees every path below `prefix`."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": prefix + scope["path"]}, receive, send)

    return call
