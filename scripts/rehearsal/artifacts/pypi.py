"""pkgs.dev.azure.com and its legacy hosts: Azure Artifacts' Python protocol, and promotion to a view."""

import html
import re
import urllib.parse
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from werkzeug.http import parse_range_header

from ..web.devops import devops_error
from ..web.routes import Handler, application, below, route
from . import upstream
from .callers import ANYBODY, Identity
from .feeds import PUBLISHED, SAVED_FROM_UPSTREAM, Feed, Feeds, unauthorized
from .filenames import identity
from .interface import PYPI_LOCATIONS, locations_route

HOST = "pkgs.dev.azure.com"
LEGACY_HOST = re.compile(r"(?P<organization>[a-z0-9-]+)\.pkgs\.visualstudio\.com", re.IGNORECASE)
LARGEST_FILE = 500 * 1024 * 1024
"""Bytes (Learn, artifacts/reference/limits)."""
LONGEST_VERSION = 127
"""Characters: versions must be shorter than 128 (Stack Overflow 60481324)."""

_PYPI = "_packaging/{feed}/pypi"
_PROMOTE = "_apis/packaging/feeds/{feed}/pypi/packages/{name}/versions/{version}"


@dataclass(frozen=True)
class Link:
    """A line of a page of the simple index."""

    filename: str
    version: str
    sha256: str
    requires_python: str | None


def app(feeds: Feeds) -> Starlette:
    """Return the app."""
    host = _PackageHost(feeds)
    handlers: list[tuple[str, Handler, str]] = [
        (f"{_PYPI}/upload", host.upload, "POST"),
        (f"{_PYPI}/upload/", host.upload, "POST"),
        (f"{_PYPI}/simple/{{name}}", host.page, "GET"),
        (f"{_PYPI}/simple/{{name}}/", host.page, "GET"),
        (f"{_PYPI}/download/{{name}}/{{version}}/{{filename}}", host.download, "GET"),
        (_PROMOTE, host.promote, "PATCH"),
    ]
    routes = [
        route(f"/{{organization}}/{scope}{path}", handler, method)
        for path, handler, method in handlers
        for scope in ("", "{project}/")
    ]
    for one in routes:
        (one.methods or set()).discard("HEAD")  # 405, as uv#13208 saw
    return application(
        [locations_route(feeds, PYPI_LOCATIONS), *routes],
        lambda request: devops_error(404, "PageNotFoundException", f"Page not found: {request.url.path}").response,
    )


def legacy(main: ASGIApp) -> ASGIApp:
    """Return the app of `{organization}.pkgs.visualstudio.com`: the same, with the organization in the host."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"])[b"host"].decode()
        found = LEGACY_HOST.match(host)
        organization = found["organization"] if found else ""
        await below(f"/{organization}", main)({**scope, "legacy": True}, receive, send)

    return call


class _PackageHost:
    def __init__(self, feeds: Feeds) -> None:
        self.feeds = feeds

    def _enter(self, request: Request) -> tuple[Feed, Identity]:
        who = self.feeds.identity(request) or self.feeds.visitor(request)
        if who is None:
            raise unauthorized(self.feeds.store, request.url.netloc)
        return self.feeds.find(request), who

    async def upload(self, request: Request) -> Response:
        feed, who = self._enter(request)
        _may_publish(feed, who)
        body = await request.body()
        filename = await _checked_filename(request, len(body))
        name, version = identity(filename)
        status = await run_in_threadpool(self.feeds.shelf(feed).upload, body, request.headers.get("content-type", ""))
        if status == 409:  # noqa: PLR2004  # conflict
            text = f"The feed '{feed.name}' already contains file '{filename}' in package '{name} {version}'."
            raise devops_error(409, "PackageAlreadyExistsException", text)
        if status != 200:  # noqa: PLR2004  # stored
            raise _invalid(f"The package file '{filename}' is invalid.")
        return Response(status_code=202)

    async def page(self, request: Request) -> Response:
        feed, who = self._enter(request)
        name = canonicalize_name(request.path_params["name"])
        links = await run_in_threadpool(self._links, feed, name)
        if links and who is ANYBODY and all(file.name != name for file, _ in self.feeds.held(feed)):
            raise _unsaved(name)
        if not links:
            text = f"The package '{name}' could not be found in the feed '{feed.name}'."
            raise devops_error(404, "PackageNotFoundException", text)
        return HTMLResponse(_page(name, links, _base(request, feed)), headers={"Cache-Control": "no-store"})

    def _links(self, feed: Feed, name: str) -> list[Link]:
        """Return the files of a project: the feed's own, else all that its upstream offers, saved or not.

        A name that was published to the feed isn't looked for upstream: external versions are off by
        default (Learn, concepts/upstream-behavior). A view, Local too, shows what is in the feed alone
        (microsoft/terminal#19243).
        """
        held = [(file, kind) for file, kind in self.feeds.held(feed) if file.name == name]
        if any(kind == PUBLISHED for _, kind in held) or not _reaches_upstream(feed):
            return [Link(one.filename, one.version, one.sha256, one.requires_python) for one, _ in held]
        links = []
        for remote in upstream.files(name):
            try:
                _, version = identity(remote.filename)
            except ValueError:
                continue
            links.append(Link(remote.filename, version, remote.sha256, remote.requires_python))
        return links

    async def download(self, request: Request) -> Response:
        feed, who = self._enter(request)
        name, filename = canonicalize_name(request.path_params["name"]), request.path_params["filename"]
        return await run_in_threadpool(self._file, feed, who, (name, filename), request.headers.get("range"))

    def _file(self, feed: Feed, who: Identity, file: tuple[str, str], byte_range: str | None) -> Response:
        name, filename = file
        kinds = [kind for held, kind in self.feeds.held(feed) if held.filename == filename]
        if not kinds and _reaches_upstream(feed):
            self._save(feed, who, name, filename)
            kinds = [SAVED_FROM_UPSTREAM]
        if not kinds:
            text = f"Cannot find the file '{filename}' in package '{name}' in feed '{feed.name}'."
            raise devops_error(404, "PackageFileNotFoundException", text)
        answer = _ranged(self.feeds.shelf(feed, kinds[0]).read(filename), byte_range)
        if feed.record.get("cacheable"):
            answer.headers["Cache-Control"] = "max-age=3600"
        return answer

    def _save(self, feed: Feed, who: Identity, name: str, filename: str) -> None:
        """Bring a file from the upstream into the feed, which not everyone may (Learn, feed-permissions).

        Who may not is refused the file, though the page shows it (ado-npm-auth#90; terminal#19243 saw a 401, without a
        token; 403 with one is ours).
        """
        remote = next((one for one in upstream.files(name) if one.filename == filename), None)
        if remote is None:
            return
        if who is ANYBODY:
            raise _unsaved(name)
        if not who.may_save:
            raise _lacks_permission(who, feed, "AddUpstreamPackage")
        folder = self.feeds.shelf(feed, SAVED_FROM_UPSTREAM).folder
        part = folder / f".{filename}.part"
        part.write_bytes(upstream.fetch(remote))
        part.replace(folder / filename)

    async def promote(self, request: Request) -> Response:
        """Add a version to a view: a JSON patch of `/views/-` (azure-devops, PackageVersionDetails).

        Contributors promote (Learn, feeds/views). Once more is no error, as for a set; that is ours.
        """
        feed, who = self._enter(request)
        if not who.may_publish:
            raise _lacks_permission(who, feed, "Promote")
        patch = (await request.json()).get("views") or {}
        name, version = canonicalize_name(request.path_params["name"]), request.path_params["version"]
        if (patch.get("op"), patch.get("path")) != ("add", "/views/-") or patch.get("value") not in feed.record[
            "views"
        ]:
            raise devops_error(400, "InvalidUserRequestException", f"The patch is not understood: {patch}")
        if not any((one.name, one.version) == (name, version) for one, _ in self.feeds.held(feed)):
            text = f"Cannot find version '{version}' of package '{name}' in feed '{feed.name}'."
            raise devops_error(404, "PackageNotFoundException", text)
        with self.feeds.store.edit("feeds") as document:
            record = next(one for one in document[feed.organization]["feeds"] if one["id"] == feed.id)
            views = record["promoted"].setdefault(f"{name}/{version}", [])
            views.extend({patch["value"]} - set(views))
        return Response(status_code=202)


async def _checked_filename(request: Request, size: int) -> str:
    """Return the name of the uploaded file; refuses what Artifacts refuses, before anything is stored."""
    if size > LARGEST_FILE:
        raise devops_error(413, "PackageLimitExceededException", "The package is larger than 500 MiB.")
    async with request.form() as form:
        content, version = form.get("content"), str(form.get("version") or "")
    if not isinstance(content, UploadFile) or not content.filename:
        raise _invalid("The request has no package file.")
    if "+" in version:
        raise _invalid("Local version segments are not allowed.")  # Stack Overflow 60481324
    if not 0 < len(version) <= LONGEST_VERSION:
        raise _invalid("The version must have fewer than 128 characters.")
    try:
        identity(content.filename)
    except ValueError as error:
        raise _invalid(str(error)) from None
    return content.filename


def _reaches_upstream(feed: Feed) -> bool:
    return bool(feed.record["upstream"]) and feed.view is None


def _may_publish(feed: Feed, who: Identity) -> None:
    if feed.view is not None:  # Learn, feeds/views: packages are published to the feed, never to a view
        raise devops_error(400, "InvalidUserRequestException", "Packages can't be published to a view.")
    if not who.may_publish:
        raise _lacks_permission(who, feed, "AddPackage")


def _lacks_permission(who: Identity, feed: Feed, permission: str) -> Exception:
    text = (
        f"User '{who.name}' lacks permission to complete this action. You need to have '{permission}' "
        f"in feed '{feed.name}'."
    )
    return devops_error(403, "FeedNeedsPermissionsException", text)


def _unsaved(name: str) -> Exception:
    """Return what a visitor gets who may not save (azure-sdk-for-net#53264 has the words)."""
    text = (
        f"No local versions of package '{name}'; please provide authentication to access versions from upstream that "
        "have not yet been saved to your feed."
    )
    return devops_error(401, "UnauthorizedRequestException", text)


def _invalid(text: str) -> Exception:
    return devops_error(400, "InvalidPackageException", text)


def _ranged(content: bytes, byte_range: str | None) -> Response:
    """Return a file, or the part of it that a Range header asks for (RFC 9110, 14.2: others are ignored)."""
    wanted = parse_range_header(byte_range)
    span = wanted.range_for_length(len(content)) if wanted and wanted.units == "bytes" else None
    kind, fields = "application/octet-stream", {"Accept-Ranges": "bytes"}
    if wanted is None or span is None:
        return Response(content, 200, fields, kind)
    fields["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{len(content)}"
    return Response(content[span[0] : span[1]], 206, fields, kind)


def _base(request: Request, feed: Feed) -> str:
    """Return the URL of a feed's files, absolute and by GUID (the page in uv#10394)."""
    organization = "" if request.scope.get("legacy") else f"/{feed.organization}"
    project = f"/{feed.project_id}" if feed.project_id else ""
    view = f"@{feed.view}" if feed.view else ""
    return f"https://{request.url.netloc}{organization}{project}/_packaging/{feed.id}{view}/pypi/download"


def _page(name: str, links: list[Link], base: str) -> str:
    """Return a page of the simple index: no PEP 658, no upload time (uv#10394)."""
    lines = [f"<!DOCTYPE html><html><head><title>Links for {name}</title></head><body><h1>Links for {name}</h1>"]
    for link in links:
        path = "/".join(urllib.parse.quote(part) for part in (name, link.version, link.filename))
        digest = f"#sha256={link.sha256}" if link.sha256 else ""
        python = f' data-requires-python="{html.escape(link.requires_python)}"' if link.requires_python else ""
        lines.append(f'<a href="{base}/{path}{digest}"{python}>{link.filename}</a><br/>')
    return "\n".join([*lines, "</body></html>"])
