"""download.pytorch.org: an index of wheels for each backend, on plain storage.

After PyTorch's own generator of the pages, and what locks of other people show of them:

* `/whl/BACKEND/NAME/` is a page as PEP 503 has it, with the sha256 of each file, and PEP 658 metadata beside the file
  (pytorch/test-infra#6116). The `+` of local versions is `%2B`.
* The files lie on another host, download-r2.pytorch.org, under the same paths.
* A package that isn't there is answered 403, as object storage does that may not be listed (uv's documentation,
  concepts/indexes, "Ignoring error codes").
* Pages aren't cached; that is ours: tests change them.
"""

import hashlib
import html
import pathlib
import zipfile
from urllib.parse import quote

from packaging.utils import canonicalize_name
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ..state.store import Store
from ..web.routes import application, route

HOST, FILES_HOST = "download.pytorch.org", "download-r2.pytorch.org"
_METADATA = ".metadata"


def app(store: Store) -> Starlette:
    """Return the app of both hosts."""

    async def page(request: Request) -> Response:
        backend, name = request.path_params["backend"], canonicalize_name(request.path_params["name"])
        files = [each for each in sorted(store.wheels(backend).glob("*.whl")) if _name(each) == name]
        if not files:
            return _missing()
        links = "\n".join(f"    {_link(backend, each)}<br/>" for each in files)
        text = f"<!DOCTYPE html>\n<html>\n  <body>\n    <h1>Links for {name}</h1>\n{links}\n  </body>\n</html>\n"
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})

    async def file(request: Request) -> Response:
        name = request.path_params["filename"]
        wheel = store.wheels(request.path_params["backend"]) / name.removesuffix(_METADATA)
        if not wheel.is_file():
            return _missing()
        content = _metadata(wheel) if name.endswith(_METADATA) else wheel.read_bytes()
        return Response(content, media_type="application/octet-stream")

    routes = [
        route("/whl/{backend}/{name}/", page, "GET"),
        route("/whl/{backend}/{filename}", file, "GET"),
    ]
    return application(routes, lambda _: _missing())


def _link(backend: str, file: pathlib.Path) -> str:
    address = f"https://{FILES_HOST}/whl/{backend}/{quote(file.name)}#sha256={_sha256(file.read_bytes())}"
    digest = f"sha256={_sha256(_metadata(file))}"
    metadata = f'data-dist-info-metadata="{digest}" data-core-metadata="{digest}"'
    return f'<a href="{address}" {metadata}>{html.escape(file.name)}</a>'


def _metadata(file: pathlib.Path) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return archive.read(next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA")))


def _name(file: pathlib.Path) -> str:
    return canonicalize_name(file.name.partition("-")[0])


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _missing() -> Response:
    return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
