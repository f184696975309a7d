"""GitHub Actions' token service: a job with `id-token: write` gets a token that says for whom it runs."""

import time
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ..state import names
from ..state.store import Store
from ..web import tokens
from ..web.answers import json_answer
from ..web.authorization import bearer_token
from ..web.routes import application, route

HOST = "run-actions-1-azure-eastus.actions.githubusercontent.com"
"""A host of GitHub's own shape (actions/runner sets the address; GitHub docs, meta: actions domains)."""
ISSUER = "https://token.actions.githubusercontent.com"
LIFETIME = 300
"""Seconds (google-auth's documentation of GitHub's tokens)."""
SUBJECT = f"repo:{names.ORGANIZATION}/demo:environment:release"
_PATH = "/{run}/idtoken/{job}"


def request_environment(store: Store, subject: str = SUBJECT) -> dict[str, str]:
    """Return the two variables by which a runner lets a job with this subject ask for tokens.

    The request token is a JWT of GitHub's own too; here it carries the subject.
    """
    asking = tokens.issue({"sub": subject, "scp": "idtoken"}, _key(store))
    url = f"https://{HOST}{_PATH.format(run=87, job=names.guid('github job'))}?api-version=2.0"
    return {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": asking}


def app(store: Store) -> Starlette:
    """Return the app."""

    async def answer(request: Request) -> Response:
        asking = bearer_token(request.headers.get("authorization", "")) or ""
        job = tokens.verified(asking, _key(store)) if asking else None
        if job is None or job.get("scp") != "idtoken":
            return json_answer(401, {"message": "Unauthorized"})
        return json_answer(200, {"value": id_token(store, job["sub"], request.query_params)})

    return application([route(_PATH, answer, "GET")], lambda _: json_answer(404, {"message": "Not Found"}))


def id_token(store: Store, subject: str, query: Mapping[str, Any]) -> str:
    """Return a job's token (GitHub docs, OpenID Connect reference: claims; the default audience is the owner)."""
    now, repository = int(time.time()), subject.split(":")[1]
    owner = repository.partition("/")[0]
    claims = {
        "iss": ISSUER,
        "sub": subject,
        "aud": query.get("audience") or f"https://github.com/{owner}",
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "repository": repository,
        "repository_owner": owner,
    }
    return tokens.issue(claims, _key(store))


def _key(store: Store) -> str:
    key: str = store.read("entra")["signing_key"]
    return key
