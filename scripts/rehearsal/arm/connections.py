"""A workspace's connections: one store, seen through the documented contract and through azureml-core's of 2020."""

import re
from typing import Any

from starlette.responses import Response

from ..web.answers import json_answer
from . import schemas
from .guard import OLD_CONNECTIONS, PROVIDER, Visit, check_name, error, page
from .records import answer, check, system_data

PAGE = 4
"""Connections on a page: few, so that `nextLink` is met."""
NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$")


def listed(visit: Visit, _: object) -> Response:
    """List the connections, by page; of old as a bare array, which alone azureml-core can read."""
    query = visit.request.query_params
    found = [
        _shown(visit, record)
        for record in visit.records["connections"].values()
        if all(record["properties"][key] == query[key] for key in ("category", "target") if key in query)
    ]
    return json_answer(200, found) if _is_old(visit) else page(visit.request, found, PAGE)


def shown(visit: Visit, _: object) -> Response:
    """Show one connection."""
    record = visit.records["connections"].get(visit.part("name").lower())
    if record is None:
        raise error(404, "UserError", f"Connection {visit.part('name')} can't be found in this workspace")
    return json_answer(200, _shown(visit, record))


def put(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
    """Create or replace: 200 either way, the spec has no 201 and azureml-core takes nothing else.

    A PUT replaces all of the record, so one of old takes away the `metadata` of a newer one (our model: neither
    version says). Two names for one target are let through, and break the image build (azure-docs#114975).
    """
    name = visit.part("name")
    check_name(name, NAME, "connection name")
    check(schemas.OLD_CONNECTION_REQUEST if _is_old(visit) else schemas.CONNECTION_REQUEST, content)
    given = _from_old(content["properties"]) if _is_old(visit) else content["properties"]
    record = {
        "id": f"{visit.workspace.id}/connections/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/connections",
        "properties": {"isSharedToAll": True, "metadata": {}, **given, "group": "GenericProtocol"},
        "systemData": system_data(visit.caller, visit.records["connections"].get(name.lower())),
    }
    visit.records["connections"][name.lower()] = record
    return json_answer(200, _shown(visit, record))


def delete(visit: Visit, _: object) -> Response:
    """Delete a connection."""
    gone = visit.records["connections"].pop(visit.part("name").lower(), None)
    return Response(status_code=204 if gone is None else 200)


def _is_old(visit: Visit) -> bool:
    return visit.request.query_params["api-version"] == OLD_CONNECTIONS


def _from_old(properties: dict[str, str]) -> dict[str, Any]:
    """Return what is stored of an old record: its `value` is the token, which builders find as `pat`.

    For `Basic` it is `{'Username': '...', 'Password': '...'}` (Learn, how-to-troubleshoot-environments); that builders
    then find the same as with the newer contract is our model.
    """
    kept = {key: properties[key] for key in ("category", "target", "authType")}
    if kept["authType"] == "PAT":
        return {**kept, "credentials": {"pat": properties["value"]}}
    pair = re.fullmatch(r"\{'Username': '([^']*)', 'Password': '([^']*)'\}", properties["value"])
    if not pair:
        raise error(400, "UserError", "The value of a connection of type Basic has no Username and Password.")
    credentials = {"username": pair[1], "password": pair[2]}
    return {**kept, "authType": "UsernamePassword", "credentials": credentials}


def _shown(visit: Visit, record: dict[str, Any]) -> dict[str, Any]:
    """Return a connection as GET, list and PUT show it: never with its secret.

    The old model has a `value`, which azure-rest-api-specs 2020-06-01 echoes in its example; ours never does.
    """
    if _is_old(visit):
        kept = {key: record["properties"][key] for key in ("category", "target", "authType")}
        return {**{key: record[key] for key in ("id", "name", "type")}, "properties": kept}
    return answer(schemas.CONNECTION, {**record, "properties": {**record["properties"], "credentials": None}})
