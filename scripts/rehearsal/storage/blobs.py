"""{account}.blob.core.windows.net: the storage accounts of the workspaces, as far as block blobs need it.

After the REST reference of Azure Storage: Put Blob, Put Block, Put Block List, Get Blob, Get Blob Properties, and
"Status and error codes". The blobs are files below `azure/blobs`, to be looked at, replaced or deleted.
"""

import base64
import email.utils
import hashlib
import pathlib
import re
import shutil
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from werkzeug.http import parse_range_header

from ..state.store import Store
from ..web.answers import Refusal, with_reason
from ..web.moments import moment
from ..web.routes import application, route
from . import sas

HOST = re.compile(r"(?P<account>[a-z0-9]{3,24})\.blob\.core\.windows\.net", re.IGNORECASE)
CONTAINER = "azureml"
"""The one container that a workspace's artifacts and logs are in (azure-cli-extensions#5111, azure-docs#91296)."""


def app(store: Store) -> Starlette:
    """Return the app of all accounts."""

    async def handle(request: Request) -> Response:
        blob = _blob(request)
        path = store.blobs(blob.account) / blob.container / blob.path
        if request.method == "PUT":
            _check(store, request, blob, "w" if path.is_file() else "cw")
            return _put(request, path, await request.body())
        _check(store, request, blob, "r")
        return _get(request, path)

    return application(
        [route("/{container}/{path:path}", handle, "GET", "PUT")],
        lambda _: _no_resource().response,
    )


def _blob(request: Request) -> sas.Blob:
    found = HOST.fullmatch(request.url.hostname or "")
    path = str(request.path_params["path"])
    if found is None or not all(part.strip(".") for part in path.split("/")):
        raise _no_resource()
    return sas.Blob(found["account"].lower(), str(request.path_params["container"]), path)


def _check(store: Store, request: Request, blob: sas.Blob, sufficient: str) -> None:
    """Refuse whoever has no signature that holds, or one without any of the `sufficient` permissions.

    An account that its owner left as it comes is closed to the public (Learn, anonymous-read-access-prevent; users of
    Azure ML meet that 409 in azure-sdk-for-python#39535).
    """
    fields = request.query_params
    if "sig" not in fields:
        raise error(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
    detail = sas.problem(store, blob, fields)
    if detail:
        text = (
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed "
            "correctly including the signature."
        )
        raise error(403, "AuthenticationFailed", text, detail)
    if not set(sufficient) & set(fields.get("sp", "")):
        text = "This request is not authorized to perform this operation using this permission."
        raise error(403, "AuthorizationPermissionMismatch", text)
    if blob.container != CONTAINER:
        raise error(404, "ContainerNotFound", "The specified container does not exist.")


def _put(request: Request, path: pathlib.Path, body: bytes) -> Response:
    """Store a blob whole, or a block of it, or put it together from its blocks (files of more than 64 MiB)."""
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    if request.headers.get("content-md5", digest) != digest:
        text = "The MD5 value specified in the request did not match with the MD5 value calculated by the server."
        raise error(400, "Md5Mismatch", text)
    blocks = path.with_name(f".{path.name}.blocks")
    operation = request.query_params.get("comp")
    if operation == "block":
        _write(blocks / urllib.parse.quote(request.query_params.get("blockid", ""), safe=""), body)
        return Response(status_code=201, headers={**_common(), "Content-MD5": digest})
    if operation == "blocklist":
        body = b"".join(_block(blocks, name) for name in _block_list(body))
    elif operation is not None or request.headers.get("x-ms-blob-type") != "BlockBlob":
        raise error(400, "InvalidHeaderValue", "This stand-in keeps block blobs alone.")
    if request.headers.get("if-none-match") == "*" and path.is_file():
        raise error(409, "BlobAlreadyExists", "The specified blob already exists.")
    _write(path, body)
    shutil.rmtree(blocks, ignore_errors=True)
    return Response(status_code=201, headers={**_common(), **_identity(path, body)})


def _block_list(body: bytes) -> list[str]:
    try:
        return [entry.text or "" for entry in ET.fromstring(body)]  # noqa: S314  # a client of ours sent it
    except ET.ParseError:
        raise error(400, "InvalidXmlDocument", "XML specified is not syntactically valid.") from None


def _block(blocks: pathlib.Path, name: str) -> bytes:
    try:
        return (blocks / urllib.parse.quote(name, safe="")).read_bytes()
    except OSError:
        raise error(400, "InvalidBlockList", "The specified block list is invalid.") from None


def _write(path: pathlib.Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def _get(request: Request, path: pathlib.Path) -> Response:
    """Return a blob or a range of it. `x-ms-range`, which Microsoft's own client sends, comes before `Range`."""
    if not path.is_file():
        raise error(404, "BlobNotFound", "The specified blob does not exist.")
    content = path.read_bytes()
    kind = "text/plain; charset=utf-8" if path.suffix == ".log" else "application/octet-stream"
    fields = {**_common(), **_identity(path, content), "Accept-Ranges": "bytes", "x-ms-blob-type": "BlockBlob"}
    wanted = parse_range_header(request.headers.get("x-ms-range") or request.headers.get("range"))
    if wanted is None:
        return Response(content, 200, fields, kind)
    span = wanted.range_for_length(len(content))
    if span is None:
        raise error(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    fields["x-ms-blob-content-md5"] = fields.pop("Content-MD5")  # Get Blob: so named beside a range
    fields["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{len(content)}"
    return Response(content[span[0] : span[1]], 206, fields, kind)


def _common() -> dict[str, str]:
    return {"x-ms-request-id": str(uuid.uuid4()), "x-ms-version": "2021-08-06", "Server": "Windows-Azure-Blob/1.0"}


def _identity(path: pathlib.Path, content: bytes) -> dict[str, str]:
    found, digest = path.stat(), hashlib.md5(content, usedforsecurity=False).digest()
    return {
        "ETag": f'"0x{found.st_mtime_ns:X}"',
        "Last-Modified": email.utils.formatdate(found.st_mtime, usegmt=True),
        "Content-MD5": base64.b64encode(digest).decode(),
    }


def _no_resource() -> Refusal:
    return error(400, "InvalidUri", "The requested URI does not represent any resource on the server.")


def error(status: int, code: str, message: str, detail: str = "") -> Refusal:
    """Return an error as XML, with its code in a header and its message as the reason phrase."""
    fields = {**_common(), "x-ms-error-code": code}
    text = f"{message}\nRequestId:{fields['x-ms-request-id']}\nTime:{moment(time.time())}"
    more = f"<AuthenticationErrorDetail>{escape(detail)}</AuthenticationErrorDetail>" if detail else ""
    xml = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{text}</Message>{more}</Error>'
    return Refusal(with_reason(Response(xml, status, fields, "application/xml"), message))
