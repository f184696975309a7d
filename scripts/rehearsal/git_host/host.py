"""github.com and Azure Repos as git sees them: real `git http-backend` behind each host's own way to refuse.

All repositories are private, but those that the document `git` lists as `public` (`HOST/OWNER/REPO`). What is answered
to whom:

* GitHub: 401 to nobody and to an unknown token; 403 to a token without the permission Contents ("Write access to
  repository not granted", which users of fine-grained tokens get when they only read: portainer's and others' guides);
  404 "Repository not found." to a token that may not know of it (GitHub docs, "Troubleshooting cloning errors").
* Azure Repos: 401 to nobody, since git sends what stands in an address only when it is asked, and such addresses work
  (azure-devops-docs#8222); the sign-in page (203) to an unknown token, as on Azure DevOps' other hosts
  (vsts-rest-api-specs#97); 401 to one without the scope Code, as feeds do; 404 with TF401019 for a repository that
  isn't there (Learn, "Git errors").

Commits are given by id, whether or not a branch has them: git's protocol 2 does so, and actions/checkout and
azure-pipelines-agent (#2283) rely on it.
"""

import pathlib
import re
import shutil
import subprocess

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..state.store import Store
from ..web.answers import json_answer
from ..web.authorization import basic_password
from ..web.devops import sign_in_page
from .git import git_environment
from .repositories import folder

GITHUB, AZURE = "github.com", "dev.azure.com"

_SERVICE = re.compile(r"(?P<repository>.+?)(?:\.git)?(?P<call>/info/refs|/git-upload-pack)")
_REPOSITORY = {GITHUB: r"/([^/]+)/[^/]+", AZURE: r"/([^/]+)/[^/]+/_git/[^/]+"}
_MISSING = {
    GITHUB: "Repository not found.",
    AZURE: "TF401019: The Git repository doesn't exist or you don't have permissions for it.",
}
_UNREADABLE = {
    GITHUB: (403, "Write access to repository not granted."),
    AZURE: (401, "TF400813: The user is not authorized to access this resource."),
}
_SECONDS = 120


def app(store: Store, host: str, otherwise: ASGIApp | None = None) -> ASGIApp:
    """Return the app of a host; what isn't git's is for the app `otherwise`."""
    shape = re.compile(_REPOSITORY[host])

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        found = _SERVICE.fullmatch(scope["path"])
        owner = shape.fullmatch(found["repository"]) if found else None
        if found and owner:
            place = folder(store, host, found["repository"])
            answer = _refusal(store, host, request, owner[1], found["repository"])
            if answer is None:
                answer = await run_in_threadpool(_served, place, found["call"], request, await request.body())
            await answer(scope, receive, send)
        elif otherwise:
            await otherwise(scope, receive, send)
        else:
            await json_answer(404, {"message": "Not Found"})(scope, receive, send)

    return call


def _refusal(store: Store, host: str, request: Request, owner: str, path: str) -> Response | None:
    """Return why the caller doesn't get the repository, None if he does."""
    token = basic_password(request.headers.get("authorization", ""))
    known = store.read("git")[host].get(token) if token else None
    if f"{host}{path}" in store.read("git").get("public", ()):
        return None
    ours = known is not None and known["owner"] == owner.lower()
    if token is None or (known is None and host == GITHUB):
        challenge = {"WWW-Authenticate": f'Basic realm="{host}"'}
        return Response("Invalid username or token.\n", 401, challenge, media_type="text/plain")
    if host == AZURE and not ours:
        return sign_in_page()
    if not ours or not folder(store, host, path).is_dir():
        return Response(f"{_MISSING[host]}\n", 404, media_type="text/plain")
    if known is None or not known["reads"]:
        status, said = _UNREADABLE[host]
        return Response(f"{said}\n", status, media_type="text/plain")
    return None


def _served(place: pathlib.Path, call: str, request: Request, body: bytes) -> Response:
    """Return what `git http-backend` answers (a CGI program: RFC 3875)."""
    headers = request.headers
    settings = {"uploadpack.allowFilter": "true", "safe.directory": "*"}  # both hosts know partial clones
    environment = {
        **git_environment(),
        "GIT_PROJECT_ROOT": str(place),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": call,
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    command = [shutil.which("git") or "git", "http-backend"]
    done = subprocess.run(command, input=body, env=environment, capture_output=True, timeout=_SECONDS, check=False)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
    return Response(content, int(fields.pop("Status", "200").split()[0]), fields)
