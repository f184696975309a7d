"""{region}.api.azureml.ms: the services behind azureml-core (SDK v1), and where it finds them.

There are no computes: azureml-core asks which kind the target of a run is (`/rp/workspaces`), and takes a 404.
"""

import functools
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..arm.guard import BUILD, WORKSPACE_PATH
from ..state.store import Store
from ..web.answers import json_answer
from ..web.routes import Handler, application, route
from . import artifacts, environments, guard, registries, runs
from .builds import Builds
from .recipe import recipe

HOST = guard.HOST
Guarded = Callable[..., Handler]
"""`guard.guarded` with the state; takes the kind of a path and its operations by method."""
SERVICES = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio")
"""What azureml-core looks up by name: KeyError if one is missing (its `service_discovery`)."""

_DEFINED = "workspaces/environments"
_ENVIRONMENTS = f"{WORKSPACE_PATH}/environments"
_HISTORY = f"/history/v1.0{WORKSPACE_PATH}"
_SNAPSHOTS = f"/content/v2.0{WORKSPACE_PATH}/snapshots"
_ARTIFACTS = f"/artifact/v2.0{WORKSPACE_PATH}/artifacts"


def app(store: Store, builds: Builds) -> Starlette:
    """Return the app of every region."""
    guarded = functools.partial(guard.guarded, store)
    environment = guarded(_DEFINED, GET=environments.shown, PUT=environments.put)
    image = guarded(_DEFINED, GET=environments.image)
    return application(
        [
            route("/discovery", _discovery, "GET"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/", guarded(_DEFINED, GET=environments.listed), "GET"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/{{name}}", environment, "GET", "PUT"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/{{name}}/image", image, "GET"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/{{name}}/versions/{{version}}", environment, "GET", "PUT"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/{{name}}/versions/{{version}}/image", image, "GET"),
            *_build_routes(guarded, builds, store),
            *_run_routes(guarded, store),
            *_artifact_routes(guarded, store),
            *registries.routes(store),
        ],
        lambda request: guard.error(request, 404, f"No service at '{request.url.path}'."),
    )


def _build_routes(guarded: Guarded, builds: Builds, store: Store) -> list[Route]:
    start, progress = guarded(BUILD, POST=builds.start), guarded(_DEFINED, GET=builds.progress)
    return [
        route(f"/environment/v2.0{_ENVIRONMENTS}/{{name}}/versions/{{version}}/image", start, "POST"),
        route(f"/environment/v2.0{WORKSPACE_PATH}/operations/{{build}}", progress, "GET"),
        route(
            f"/environment/v1.0{_ENVIRONMENTS}/{{name}}/versions/{{version}}/recipe",
            guarded(BUILD, POST=recipe(store)),
            "POST",
        ),
    ]


def _run_routes(guarded: Guarded, store: Store) -> list[Route]:
    experiments, kept = "workspaces/experiments", "workspaces/snapshots"
    experiment = guarded(experiments, GET=runs.experiment, POST=runs.experiment)
    run = guarded(f"{experiments}/runs", GET=runs.run, PATCH=runs.run)
    submission = guarded(f"{experiments}/runs", POST=runs.submit)
    latest = guarded(kept, GET=runs.latest)
    return [
        route(f"{_HISTORY}/experiments/{{experiment}}", experiment, "GET", "POST"),
        route(f"{_HISTORY}/experiments/{{experiment}}/runs/{{run}}", run, "GET", "PATCH"),
        route(f"/content/v1.0{WORKSPACE_PATH}/snapshots/latest/metadata", latest, "GET"),
        route(f"{_SNAPSHOTS}/getblob", guarded(kept, POST=runs.uploads(store)), "POST"),
        route(f"{_SNAPSHOTS}/{{snapshot}}", guarded(kept, POST=runs.snapshot(store)), "POST"),
        route(f"/execution/v1.0{WORKSPACE_PATH}/experiments/{{experiment}}/snapshotrun", submission, "POST"),
    ]


def _artifact_routes(guarded: Guarded, store: Store) -> list[Route]:
    # Learn, how-to-assign-roles: `metadata/artifacts/write` is what a run needs to store its files.
    kept = "workspaces/metadata/artifacts"
    create = guarded(kept, POST=artifacts.creation(store))
    content = guarded(kept, GET=artifacts.content_information(store))
    return [
        route(f"{_ARTIFACTS}/batch/metadata/{{origin}}/{{container}}", create, "POST"),
        route(f"{_ARTIFACTS}/contentinfo/{{origin}}/{{container}}/{{path:path}}", content, "GET"),
        route(f"{_ARTIFACTS}/{{origin}}/{{container}}", guarded(kept, GET=artifacts.listed), "GET"),
    ]


async def _discovery(request: Request) -> Response:
    """Tell where the services are: all at this host, but for the studio, which is for people.

    No credential is asked for, since azureml-core sends none.
    """
    services = dict.fromkeys(SERVICES, f"https://{request.url.hostname}")
    return json_answer(200, {**services, "studio": "https://ml.azure.com"})
