"""dev.azure.com and feeds.dev.azure.com: what the `azure-devops` package 7.1.0b4 asks before and about feeds.

That package takes every route from the answers to `OPTIONS _apis`, so these are part of the contract.
"""

import itertools
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..sign_in import pipelines
from ..state import names
from ..web.answers import json_answer
from ..web.devops import devops_error, sign_in_page
from ..web.routes import Handler, application, route
from . import upstream
from .feeds import SAVED_FROM_UPSTREAM, Feed, Feeds
from .files import Distribution

HOST = "dev.azure.com"
FEEDS_HOST = "feeds.dev.azure.com"
PAGE = 1000
"""Packages in an answer when `$top` doesn't say."""

_AREAS = {
    "7ab4e64e-c4d8-4f50-ae73-5ef2e21642a5": ("Packaging", FEEDS_HOST),
    "92f0314b-06c5-46e0-abe7-15fd9d13276a": ("pypi", "pkgs.dev.azure.com"),
}


def _location(location: str, area: str, resource: str, template: str) -> dict[str, Any]:
    return {
        "id": location,
        "area": area,
        "resourceName": resource,
        "routeTemplate": template,
        "resourceVersion": 1,
        "minVersion": "1.0",
        "maxVersion": "7.2",
        "releasedVersion": "0.0",
    }


_FEEDS = "{project}/_apis/{area}/Feeds/{feedId}"
_VERSIONS = "{project}/_apis/packaging/feeds/{feedId}/pypi/packages/{packageName}/versions/{packageVersion}"
CORE_LOCATIONS = [
    _location("e81700f7-3be2-46de-8624-2eb35882fcaa", "Location", "ResourceAreas", "_apis/{resource}/{areaId}")
]
FEED_LOCATIONS = [
    _location("c65009a7-474a-4ad1-8b42-7d852107ef8c", "Packaging", "Feeds", _FEEDS),
    _location("7a20d846-c929-4acc-9ea2-0d5a7df1b197", "Packaging", "Packages", f"{_FEEDS}/Packages/{{packageId}}"),
    _location("42a8502a-6785-41bc-8c16-89477d930877", "Packaging", "Views", f"{_FEEDS}/Views/{{viewId}}"),
]
PYPI_LOCATIONS = [_location("d146ac7e-9e3f-4448-b956-f9bb3bdf9b2e", "pypi", "versions", _VERSIONS)]


def locations_route(feeds: Feeds, locations: list[dict[str, Any]]) -> Route:
    """Return the route that tells `azure-devops` a host's routes."""

    async def answer(request: Request) -> Response:
        if feeds.identity(request) is None:
            return sign_in_page()
        return _collection(locations)

    return route("/{organization}/_apis", answer, "OPTIONS")


def core_app(feeds: Feeds) -> Starlette:
    """Return dev.azure.com."""

    async def areas(request: Request) -> Response:
        if feeds.identity(request) is None:
            return sign_in_page()
        organization = request.path_params["organization"]
        found = [
            {"id": area, "name": name, "locationUrl": f"https://{host}/{organization}/"}
            for area, (name, host) in _AREAS.items()
        ]
        return _collection(found)

    return application(
        [
            locations_route(feeds, CORE_LOCATIONS),
            route("/{organization}/_apis/ResourceAreas", areas, "GET"),
            pipelines.oidc_route(feeds.store),
        ],
        _no_page,
    )


def feeds_app(feeds: Feeds) -> Starlette:
    """Return feeds.dev.azure.com."""

    async def feed(request: Request) -> Response:
        if feeds.identity(request) is None:
            return sign_in_page()
        return json_answer(200, _feed(feeds.find(request)))

    async def listed(request: Request) -> Response:
        who = feeds.identity(request)
        if who is None:
            return sign_in_page()
        role = request.query_params.get("feedRole", "reader")
        return _collection([_feed(one) for one in feeds.every(request) if who.has(role)])

    async def views(request: Request) -> Response:
        if feeds.identity(request) is None:
            return sign_in_page()
        found = feeds.find(request)
        return _collection([_view(found, name) for name in found.record["views"]])

    async def packages(request: Request) -> Response:
        if feeds.identity(request) is None:
            return sign_in_page()
        return await run_in_threadpool(_packages, feeds, feeds.find(request), dict(request.query_params))

    handlers: list[tuple[str, Handler]] = [("", feed), ("/Views", views), ("/Packages", packages)]
    routes = [
        route(f"/{{organization}}/{scope}_apis/Packaging/Feeds/{{feed}}{path}", handler, "GET")
        for path, handler in handlers
        for scope in ("", "{project}/")
    ]
    routes += [route(f"/{{organization}}/{scope}_apis/Packaging/Feeds", listed, "GET") for scope in ("", "{project}/")]
    return application([locations_route(feeds, FEED_LOCATIONS), *routes], _no_page)


def _packages(feeds: Feeds, feed: Feed, query: dict[str, str]) -> Response:
    """List a feed's packages (Learn, artifacts/artifact-details/get-packages)."""
    wanted = query.get("packageNameQuery", "").lower()
    held = [one for one in feeds.held(feed) if wanted in one[0].name]
    exact = query.get("normalizedPackageName")
    if exact:
        held = [one for one in held if one[0].name == canonicalize_name(exact)]
    if query.get("protocolType", "PyPi").lower() != "pypi":
        held = []
    grouped = itertools.groupby(held_by_name(held), key=lambda one: one[0].name)
    every = query.get("includeAllVersions", "").lower() == "true"
    found = [_package(feed, name, list(files), every=every) for name, files in grouped]
    skip = int(query.get("$skip", "0"))
    return _collection(found[skip : skip + int(query.get("$top", PAGE))])


def held_by_name(held: list[tuple[Distribution, str]]) -> list[tuple[Distribution, str]]:
    """Return a feed's files by name, the newest version first."""
    newest = sorted(held, key=lambda one: Version(one[0].version), reverse=True)
    return sorted(newest, key=lambda one: one[0].name)


def _package(feed: Feed, name: str, files: list[tuple[Distribution, str]], *, every: bool) -> dict[str, Any]:
    sources = {file.version: kind for file, kind in files}
    versions = [
        _version(feed, name, version, kind, latest=index == 0) for index, (version, kind) in enumerate(sources.items())
    ]
    package_id = names.guid(feed.id, name)
    return {
        "id": package_id,
        "name": name,
        "normalizedName": name,
        "protocolType": "PyPi",
        "starCount": 0,
        "url": f"https://{FEEDS_HOST}/{feed.organization}/_apis/Packaging/Feeds/{feed.id}/Packages/{package_id}",
        "versions": versions if every else versions[:1],
    }


def _version(feed: Feed, name: str, version: str, kind: str, *, latest: bool) -> dict[str, Any]:
    """Return one version; only one that came through an upstream has `directUpstreamSourceId`."""
    promoted = ["Local", *feed.record["promoted"].get(f"{name}/{version}", [])]
    found = {
        "id": names.guid(feed.id, name, version),
        "version": version,
        "normalizedVersion": version,
        "isLatest": latest,
        "isListed": True,
        "isCachedVersion": kind == SAVED_FROM_UPSTREAM,
        "storageId": names.guid(feed.id, name, version, "storage"),
        "views": [_view(feed, view) for view in promoted],
    }
    if kind == SAVED_FROM_UPSTREAM:
        found["directUpstreamSourceId"] = _upstream_id(feed)
    return found


def _feed(feed: Feed) -> dict[str, Any]:
    project = {"id": feed.project_id, "name": feed.record["project"], "visibility": "private"}
    name = f"{feed.name}@{feed.view}" if feed.view else feed.name
    return {
        "id": feed.id,
        "name": feed.name,
        "fullyQualifiedName": name,
        "fullyQualifiedId": f"{feed.id}@{names.guid(feed.id, feed.view)}" if feed.view else feed.id,
        "description": None,
        "url": f"https://{FEEDS_HOST}/{feed.organization}/_apis/Packaging/Feeds/{feed.id}",
        "project": project if feed.project_id else None,
        "capabilities": "defaultCapabilities",
        "hideDeletedPackageVersions": True,
        "badgesEnabled": False,
        "isReadOnly": False,
        "upstreamEnabled": bool(feed.record["upstream"]),
        "upstreamSources": [_upstream(feed)] if feed.record["upstream"] else [],
        "view": _view(feed, feed.view) if feed.view else None,
    }


def _upstream(feed: Feed) -> dict[str, Any]:
    location = upstream.index_url().removesuffix("simple/")
    return {
        "id": _upstream_id(feed),
        "name": "PyPI",
        "protocol": "PyPI",
        "location": location,
        "displayLocation": location,
        # `internal` is another feed (Feed Management - Get Feed, UpstreamSourceType); here it has what is public.
        "upstreamSourceType": "internal" if feed.record["upstream"] == "internal" else "public",
        "status": "ok",
    }


def _upstream_id(feed: Feed) -> str:
    return names.guid(feed.id, "upstream")


def _view(feed: Feed, name: str) -> dict[str, Any]:
    kind = "implicit" if name == "Local" else "release"
    return {"id": names.guid(feed.id, name), "name": name, "type": kind, "visibility": "organization"}


def _collection(values: list[dict[str, Any]]) -> Response:
    return json_answer(200, {"count": len(values), "value": values})


def _no_page(request: Request) -> Response:
    return devops_error(404, "VssResourceNotFoundException", f"API resource {request.url.path} is not found.").response
