"""The feeds that exist, how their URLs name them, and what is answered to those who name none of them."""

import threading
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from ..sign_in.entra import HOST as LOGIN_HOST
from ..state.store import Store
from ..web.answers import Refusal, with_reason
from ..web.devops import devops_error
from .callers import ANYBODY, Identity, identify
from .files import Distribution, Shelf

SAVED_FROM_UPSTREAM = "saved"
PUBLISHED = "published"


@dataclass(frozen=True)
class Feed:
    """A feed as a URL named it, perhaps through one of its views."""

    organization: str
    record: dict[str, Any]
    project_id: str | None
    view: str | None

    @property
    def id(self) -> str:
        """The feed's GUID."""
        return str(self.record["id"])

    @property
    def name(self) -> str:
        """The feed's name, without a view."""
        return str(self.record["name"])

    def shows(self, name: str, version: str) -> bool:
        """Tell whether the view shows a version: `Local` and no view show all (Learn, feeds/views)."""
        if self.view in (None, "Local"):
            return True
        return self.view in self.record["promoted"].get(f"{name}/{version}", [])


class Feeds:
    """Finds feeds for requests; used by every Azure DevOps host."""

    def __init__(self, store: Store) -> None:
        """Look in `store`."""
        self.store = store
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._lock = threading.Lock()

    def identity(self, request: Request) -> Identity | None:
        """Return who asks."""
        return identify(self.store, request, request.path_params["organization"])

    def visitor(self, request: Request) -> Identity | None:
        """Return who asks a public feed without a credential, None for any other (Learn, public-feeds)."""
        if "authorization" in request.headers or request.path_params["organization"].lower() not in self.store.read(
            "feeds"
        ):
            return None
        try:
            return ANYBODY if self.find(request).record.get("public") else None
        except Refusal:
            return None

    def find(self, request: Request) -> Feed:
        """Return the feed named by the path's organization, project (if any) and feed; refuses if there is none.

        Feeds and projects go by name (in any case) or GUID. A project's feed isn't found without its project.
        """
        path = request.path_params
        organization = path["organization"].lower()
        known = self.store.read("feeds")[organization]
        project = _project(known["projects"], path.get("project"))
        name, _, view = path["feed"].partition("@")
        for record in known["feeds"]:
            if record["project"] == project and name.lower() in (record["name"].lower(), record["id"]):
                project_id = known["projects"][project] if project else None
                return Feed(organization, record, project_id, _view(record, view))
        raise unknown_feed(path["feed"])

    def every(self, request: Request) -> list[Feed]:
        """Return the feeds of the path's project; without one, all of the organization (Get Feeds)."""
        organization, wanted = request.path_params["organization"].lower(), request.path_params.get("project")
        known = self.store.read("feeds")[organization]
        project = _project(known["projects"], wanted)
        records = [one for one in known["feeds"] if wanted is None or one["project"] == project]
        return [Feed(organization, one, known["projects"].get(one["project"]), None) for one in records]

    def shelf(self, feed: Feed, kind: str = PUBLISHED) -> Shelf:
        """Return the files published to a feed, or those saved in it from its upstream."""
        key = (feed.id, kind)
        with self._lock:  # pypiserver makes its apps out of one module's globals
            if key not in self._shelves:
                self._shelves[key] = Shelf(self.store.files(feed.organization, feed.record, kind))
            return self._shelves[key]

    def held(self, feed: Feed) -> list[tuple[Distribution, str]]:
        """Return the files that a feed (or its view) holds, each with where it came from."""
        return [
            (file, kind)
            for kind in (PUBLISHED, SAVED_FROM_UPSTREAM)
            for file in self.shelf(feed, kind).distributions()
            if feed.shows(file.name, file.version)
        ]


def _project(projects: dict[str, str], wanted: str | None) -> str | None:
    if wanted is None:
        return None
    for name, project_id in projects.items():
        if wanted.lower() in (name.lower(), project_id):
            return name
    text = (
        f"TF200016: The following project does not exist: {wanted}. Verify that the name of the project is "
        "correct and that the project exists on the specified Azure DevOps Server."
    )
    raise devops_error(404, "ProjectDoesNotExistWithNameException", text)


def _view(record: dict[str, Any], wanted: str) -> str | None:
    if not wanted:
        return None
    for view in record["views"]:
        if view.lower() == wanted.lower():
            return str(view)
    text = f"The feed view with name or ID '{wanted}' does not exist in feed '{record['name']}'."
    raise devops_error(404, "FeedViewNotFoundException", text)


def unknown_feed(name: str) -> Refusal:
    """Return the answer for a feed that isn't there (or that the caller can't see)."""
    return devops_error(404, "FeedIdNotFoundException", f"The feed with ID '{name}' doesn't exist.")


def unauthorized(store: Store, host: str) -> Refusal:
    """Return a package host's 401; its headers tell the tenant (artifacts-keyring-nofuss)."""
    message = "TF400813: The user 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa' is not authorized to access this resource."
    refusal = devops_error(401, "UnauthorizedRequestException", message)
    tenant = store.read("entra")["tenants"][0]
    authority = f"https://{LOGIN_HOST}/{tenant}"
    with_reason(refusal.response, "Unauthorized")
    for challenge in (f"Bearer authorization_uri={authority}", f'Basic realm="https://{host}/"', "TFS-Federated"):
        refusal.response.headers.append("WWW-Authenticate", challenge)
    refusal.response.headers["X-VSS-AuthorizationEndpoint"] = f"https://vssps.dev.azure.com/{tenant}"
    refusal.response.headers["X-VSS-ResourceTenant"] = tenant
    return refusal
