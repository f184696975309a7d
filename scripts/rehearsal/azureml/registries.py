"""{region}.api.azureml.ms: registries, as azure-ai-ml 1.35 asks for them (`MLClient(credential, registry_name=…)`).

Paths, bodies and the operation that is polled are those of its traffic and of its `_utils/_registry_utils.py`. Our
model: the status of each refusal, the fields of an operation, and that a role is asked for as on a workspace.
"""

import functools
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..arm import schemas
from ..arm.environments import IMMUTABLE, cannot_be_changed, check_environment_name, not_found
from ..arm.guard import PROVIDER, check_role, error, json_body, known_caller
from ..arm.records import check, system_data
from ..state import names
from ..state.store import Store
from ..web.answers import json_answer
from ..web.routes import Handler, route

PATH = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + PROVIDER + "/registries/{registry}"
VERSION = "2021-10-01-dataplanepreview"
_FRONT = f"/mferp/managementfrontend{PATH}"
_DEFAULTS = {"osType": "Linux", "isAnonymous": False, "isArchived": False, "tags": {}}


@dataclass(frozen=True)
class Visit:
    """A request about a registry, from somebody who may ask; `record` may be changed."""

    request: Request
    caller: Any
    name: str
    record: dict[str, Any]

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    @property
    def id(self) -> str:
        """The registry's resource id."""
        return PATH.format(subscription=self.record["subscription"], group=self.record["group"], registry=self.name)


Operation = Callable[[Visit, Any], Response]


def routes(store: Store) -> list[Route]:
    """Return the routes."""
    guarded = functools.partial(_guarded, store)
    one = f"{_FRONT}/environments/{{name}}"
    return [
        route("/registrymanagement/v1.0/registries/{registry}/discovery", guarded(GET=_discovery), "GET"),
        route(f"{_FRONT}/tempdatarefs/{{name}}/versions/{{version}}", guarded(PUT=_place), "PUT"),
        route(f"{one}/versions", guarded(GET=_versions), "GET"),
        route(f"{one}/versions/{{version}}", guarded(GET=_version, PUT=_put), "GET", "PUT"),
        route(f"{_FRONT}/operations/{{operation}}", guarded(GET=_progress), "GET"),
    ]


def _guarded(store: Store, **by_method: Operation) -> Handler:
    async def handle(request: Request) -> Response:
        caller = known_caller(store, request)
        wanted = request.path_params["registry"]
        check_role(caller, request, "registries/assets")
        if request.url.path.startswith("/mferp/") and request.query_params.get("api-version") != VERSION:
            raise error(400, "UnsupportedApiVersion", "The api-version isn't supported.")
        content = await json_body(request) if request.method == "PUT" else None
        with store.edit("registries") as known:
            name = next((each for each in known if each.lower() == wanted.lower()), None)
            if name is None or not _fits(request, known[name]):
                raise error(404, "RegistryNotFound", f"Registry {wanted} could not be found.")
            return by_method[request.method](Visit(request, caller, name, known[name]), content)

    return handle


def _fits(request: Request, record: dict[str, Any]) -> bool:
    given = request.path_params
    return all(given.get(key, record[key]).lower() == record[key].lower() for key in ("subscription", "group"))


def _discovery(visit: Visit, _: object) -> Response:
    """Tell where the registry is (`RegistryDiscoveryDto` of azure-ai-ml)."""
    content = {
        "registryName": visit.name,
        "tenantId": names.TENANT_ID,
        "primaryRegion": visit.record["region"],
        "regions": [visit.record["region"]],
        "subscriptionId": visit.record["subscription"],
        "resourceGroup": visit.record["group"],
        "primaryRegionResourceProviderUri": f"https://{visit.record['region']}.api.azureml.ms/",
    }
    return json_answer(200, content)


def _place(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
    """Tell where a build context could be uploaded: azure-ai-ml asks for it also without one."""
    wanted = f"azureml://registries/{visit.name}/environments/{visit.part('name')}/versions/{visit.part('version')}"
    if content != {"assetId": wanted, "temporaryDataReferenceType": "TemporaryBlobReference"}:
        raise error(400, "ValidationError", "The request is invalid.")
    blob = f"https://{names.storage_account(visit.id)}.blob.core.windows.net/context"
    credential = {"credentialType": "SAS", "sasUri": f"{blob}?sig=fake"}
    return json_answer(200, {"blobReferenceForConsumption": {"blobUri": blob, "credential": credential}})


def _versions(visit: Visit, _: object) -> Response:
    """List an environment's versions that aren't archived, the newest first if they are asked for so."""
    known = visit.record["environments"].get(visit.part("name"))
    if known is None:
        raise not_found(visit.part("name"))
    found = [each for each in known.values() if not each["properties"]["isArchived"]]
    query = visit.request.query_params
    if re.search(r" desc$", query.get("$orderBy", ""), re.IGNORECASE):
        found.reverse()
    return json_answer(200, {"value": found[: int(query.get("$top", len(found)))]})


def _version(visit: Visit, _: object) -> Response:
    name, number = visit.part("name"), visit.part("version")
    record = visit.record["environments"].get(name, {}).get(number)
    if record is None:
        raise not_found(f"{name}:{number}")
    return json_answer(200, record)


def _put(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
    """Begin to make a version (201 and an operation); one that is there keeps its definition."""
    name, number = visit.part("name"), visit.part("version")
    check_environment_name(name)
    check(schemas.ENVIRONMENT_REQUEST, content)
    wanted = {**_DEFAULTS, **content["properties"]}
    before = visit.record["environments"].get(name, {}).get(number)
    if before and any(before["properties"].get(key) != wanted.get(key) for key in IMMUTABLE):
        raise error(409, "UserError", f"(UserError) {cannot_be_changed(name, number)}")
    record = {
        "id": f"azureml://registries/{visit.name}/environments/{name}/versions/{number}",
        "name": number,
        "type": f"{PROVIDER}/registries/environments/versions",
        "properties": {**wanted, "environmentType": "UserCreated", "provisioningState": "Succeeded"},
        "systemData": system_data(visit.caller, before),
    }
    operation = uuid.uuid4().hex
    visit.record["operations"][operation] = {"asked": 0, "name": name, "made": record}
    address = (
        f"https://{visit.record['region']}.api.azureml.ms/mferp/managementfrontend{visit.id}/operations/{operation}"
    )
    return json_answer(201, record, Azure_AsyncOperation=f"{address}?api-version={VERSION}")


def _progress(visit: Visit, _: object) -> Response:
    """Tell how far an operation is: done when it is asked for the second time, and the version is there from then."""
    found = visit.record["operations"].get(visit.part("operation"))
    if found is None:
        raise error(404, "OperationNotFound", "There is no such operation.")
    found["asked"] += 1
    if found["asked"] == 1:
        return json_answer(200, {"status": "InProgress"}, Retry_After="1")
    known = visit.record["environments"].setdefault(found["name"], {})
    known[found["made"]["name"]] = found["made"]
    return json_answer(200, {"status": "Succeeded"})
