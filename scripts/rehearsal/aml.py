"""{region}.api.azureml.ms: the services behind azureml-core (SDK v1), and where it finds them.

There are no computes: azureml-core asks which kind the target of a run is (``/rp/workspaces``), and takes a 404.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from rehearsal import aml_artifacts, aml_environments, aml_guard, aml_runs
from rehearsal.aml_builds import Builds
from rehearsal.arm_guard import BUILD, WORKSPACE_PATH
from rehearsal.state import Store
from rehearsal.web import application, json_answer, route

HOST = aml_guard.HOST
SERVICES = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio")
"""What azureml-core looks up by name: KeyError if one is missing (its ``service_discovery``)."""

_ENVIRONMENTS = f"{WORKSPACE_PATH}/environments"
_HISTORY = f"/history/v1.0{WORKSPACE_PATH}"
_SNAPSHOTS = f"/content/v2.0{WORKSPACE_PATH}/snapshots"
_ARTIFACTS = f"/artifact/v2.0{WORKSPACE_PATH}/artifacts"


def app(store: Store, builds: Builds) -> Starlette:
    """Return the app of every region."""
    environments = aml_guard.rooms(store, "workspaces/environments", GET=aml_environments.listed)
    environment = aml_guard.rooms(
        store, "workspaces/environments", GET=aml_environments.shown, PUT=aml_environments.put
    )
    image = aml_guard.rooms(store, "workspaces/environments", GET=aml_environments.image)
    build = aml_guard.rooms(store, BUILD, POST=builds.start)
    progress = aml_guard.rooms(store, "workspaces/environments", GET=builds.progress)
    # Learn, how-to-assign-roles: ``metadata/artifacts/write`` is what a run needs to store its files.
    create = aml_guard.rooms(store, "workspaces/metadata/artifacts", POST=aml_artifacts.creation(store))
    content = aml_guard.rooms(store, "workspaces/metadata/artifacts", GET=aml_artifacts.content_information(store))
    artifacts = aml_guard.rooms(store, "workspaces/metadata/artifacts", GET=aml_artifacts.listed)
    experiments, runs = "workspaces/experiments", "workspaces/experiments/runs"
    experiment = aml_guard.rooms(store, experiments, GET=aml_runs.experiment, POST=aml_runs.experiment)
    uploads = aml_guard.rooms(store, "workspaces/snapshots", POST=aml_runs.uploads(store))
    latest = aml_guard.rooms(store, "workspaces/snapshots", GET=aml_runs.latest)
    snapshot = aml_guard.rooms(store, "workspaces/snapshots", POST=aml_runs.snapshot(store))
    submission = aml_guard.rooms(store, runs, POST=aml_runs.submit)
    run = aml_guard.rooms(store, runs, GET=aml_runs.run, PATCH=aml_runs.run)
    return application(
        [
            route("/discovery", _discovery, "GET"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/", environments, "GET"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/{{name}}", environment, "GET", "PUT"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/{{name}}/image", image, "GET"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/{{name}}/versions/{{version}}", environment, "GET", "PUT"),
            route(f"/environment/v1.0{_ENVIRONMENTS}/{{name}}/versions/{{version}}/image", image, "GET"),
            route(f"/environment/v2.0{_ENVIRONMENTS}/{{name}}/versions/{{version}}/image", build, "POST"),
            route(f"/environment/v2.0{WORKSPACE_PATH}/operations/{{build}}", progress, "GET"),
            route(f"{_ARTIFACTS}/batch/metadata/{{origin}}/{{container}}", create, "POST"),
            route(f"{_ARTIFACTS}/contentinfo/{{origin}}/{{container}}/{{path:path}}", content, "GET"),
            route(f"{_ARTIFACTS}/{{origin}}/{{container}}", artifacts, "GET"),
            route(f"{_HISTORY}/experiments/{{experiment}}", experiment, "GET", "POST"),
            route(f"{_HISTORY}/experiments/{{experiment}}/runs/{{run}}", run, "GET", "PATCH"),
            route(f"/content/v1.0{WORKSPACE_PATH}/snapshots/latest/metadata", latest, "GET"),
            route(f"{_SNAPSHOTS}/getblob", uploads, "POST"),
            route(f"{_SNAPSHOTS}/{{snapshot}}", snapshot, "POST"),
            route(f"/execution/v1.0{WORKSPACE_PATH}/experiments/{{experiment}}/snapshotrun", submission, "POST"),
        ],
        lambda request: aml_guard.error(request, 404, f"No service at '{request.url.path}'."),
    )


async def _discovery(request: Request) -> Response:
    """Tell where the services are: all at this host, but for the studio, which is for people.

    No credential is asked for, since azureml-core sends none.
    """
    services = dict.fromkeys(SERVICES, f"https://{request.url.hostname}")
    return json_answer(200, {**services, "studio": "https://ml.azure.com"})
