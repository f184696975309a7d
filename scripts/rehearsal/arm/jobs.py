"""A workspace's jobs, as ARM takes them: command jobs, on environments that are registered.

After CommandJob in stable/2024-04-01/mfe.json (azure-rest-api-specs) and what azure-ai-ml 1.35 sends. Nothing is run:
a job stays as it was submitted. azureml-core's runs (`azureml.runs`) are in the same store, as they are in a workspace.
"""

import re
from typing import Any

from starlette.responses import Response

from ..state.store import Store
from ..web.answers import json_answer
from . import schemas
from .guard import PROVIDER, Visit, check_name, error
from .records import check, system_data

NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}$")
_DEFAULTS = {"experimentName": "Default", "isArchived": False, "tags": {}, "properties": {}}
"""The experiment is azure-ai-ml's word for it: "If not set, the job is placed in the Default experiment"."""


def shown(visit: Visit, _: object) -> Response:
    """Show a job."""
    record = visit.records.get("jobs", {}).get(visit.part("name"))
    if record is None:
        raise error(404, "UserError", f"Job {visit.part('name')} could not be found.")
    return json_answer(200, record)


def put(known: Store, visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
    """Create a job (201), or take the same request once more (200), as after an answer that was lost."""
    name = visit.part("name")
    check_name(name, NAME, "job name")
    check(schemas.JOB_REQUEST, content)
    wanted = {**_DEFAULTS, **content["properties"]}
    asset = wanted["environmentId"]
    if asset.startswith("azureml://registries/"):
        _check_shared(known, asset)
    else:
        check_environment(visit, asset)
    before = visit.records.get("jobs", {}).get(name)
    if before and any(before["properties"].get(key) != value for key, value in wanted.items()):
        raise error(400, "UserError", f"A job with the name {name} exists already, and differs.")
    return json_answer(200 if before else 201, store(visit, name, wanted))


def check_environment(visit: Visit, asset: str) -> None:
    """Refuse an environment that isn't a registered version of this workspace.

    `environmentId` is "the ARM resource ID" (mfe.json). azure-ai-ml resolves a label (`@latest`) before it asks;
    that the service would refuse one is our model. The words for a version that isn't there are in
    azure-sdk-for-python#38594, their status is our model.
    """
    prefix = re.escape(f"{visit.workspace.id}/environments/")
    found = re.fullmatch(f"{prefix}([^/@]+)/versions/([^/]+)", asset, re.IGNORECASE)
    if found is None:
        raise error(400, "UserError", f"'{asset}' isn't the id of an environment's version in this workspace.")
    if found[2] not in visit.records["environments"].get(found[1], {}):
        text = f"No environment exists for name: {found[1]}, version: {found[2]}, label: "
        raise error(400, "UserError", text)


def _check_shared(known: Store, asset: str) -> None:
    """Refuse an environment that isn't a version in a registry; azure-ai-ml sends its reference as it is."""
    found = re.fullmatch("azureml://registries/([^/]+)/environments/([^/]+)/versions/([^/]+)", asset)
    registry, name, version = found.groups() if found else ("", "", "")
    if version not in known.read("registries").get(registry, {"environments": {}})["environments"].get(name, {}):
        raise error(400, "UserError", f"There is no {asset}.")


def store(visit: Visit, name: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """Put a job into the workspace's record, with `more`, and return it."""
    known = visit.records.setdefault("jobs", {})
    known[name] = {
        "id": f"{visit.workspace.id}/jobs/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/jobs",
        "properties": {**properties, "status": "Starting", "services": {"Studio": _studio(visit, name)}},
        "systemData": system_data(visit.caller, known.get(name)),
        **more,
    }
    return dict(known[name])


def _studio(visit: Visit, name: str) -> dict[str, Any]:
    """Return where the studio shows a job; azure-ai-ml appends the tenant to the address itself."""
    place = visit.workspace
    scope = f"/subscriptions/{place.subscription}/resourcegroups/{place.group}/workspaces/{place.name}"
    endpoint = f"https://ml.azure.com/runs/{name}?wsid={scope}"
    return {"jobServiceType": "Studio", "endpoint": endpoint, "port": None, "status": None, "errorMessage": None}
