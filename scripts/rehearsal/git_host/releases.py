"""Files of public releases on github.com: a redirect to a host of files, as GitHub answers.

(GitHub docs, "Linking to releases"; REST reference, releases/assets: 302.)
Anybody gets them, whatever credential a request has. They lie below `git/releases`, put there by `World.seed_release`.
"""

import pathlib

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..state.store import Store
from ..web.answers import json_answer

FILES = "release-assets.githubusercontent.com"


def place(store: Store, path: str) -> pathlib.Path:
    """Return where the file of a release lies, by its path on github.com."""
    parts = [part for part in path.split("/") if part]
    if {".", ".."} & set(parts):
        raise ValueError(path)
    return store.root / "git" / "releases" / pathlib.Path(*parts)


def app(store: Store) -> ASGIApp:
    """Return the app for what isn't git's on github.com: each file of a release is elsewhere."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        found = "/releases/download/" in path and place(store, path).is_file()
        answer: Response = RedirectResponse(f"https://{FILES}{path}", 302) if found else _missing()
        await answer(scope, receive, send)

    return call


def files_app(store: Store) -> ASGIApp:
    """Return the app of the host of files."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = place(store, request.url.path)
        answer: Response = (
            Response(path.read_bytes(), media_type="application/octet-stream") if path.is_file() else _missing()
        )
        await answer(scope, receive, send)

    return call


def _missing() -> Response:
    return json_answer(404, {"message": "Not Found"})
