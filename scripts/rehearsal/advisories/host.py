"""api.osv.dev: the public database of advisories, which here knows what the document `advisories` has.

After google.github.io/osv.dev/api and the server's source (google/osv.dev, gcp/api/server.py):

* `POST /v1/querybatch` takes at most 1000 queries and answers ids alone, in their order; `{}` where there are none.
* A withdrawn advisory isn't found by a query; `GET /v1/vulns/ID` still has its record.
* Names of PyPI are normalised, and versions are compared as Python does (PEP 440).
* Refusals are gRPC's in JSON: a code and a message.
* There are no pages: those begin at 1000 advisories of one query.
"""

from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ..state.store import Store
from ..web.answers import json_answer
from ..web.routes import application, route

HOST = "api.osv.dev"
_MOST_QUERIES = 1000


def app(store: Store) -> Starlette:
    """Return the app."""

    async def batch(request: Request) -> Response:
        queries = (await request.json())["queries"]
        if len(queries) > _MOST_QUERIES:
            return _refusal(400, 3, "Too many queries.")
        records = [each for each in store.read("advisories").values() if "withdrawn" not in each]
        return json_answer(200, {"results": [_result(each, records) for each in queries]})

    async def vulnerability(request: Request) -> Response:
        record = store.read("advisories").get(request.path_params["id"])
        return json_answer(200, record) if record else _refusal(404, 5, "Bug not found.")

    routes = [route("/v1/querybatch", batch, "POST"), route("/v1/vulns/{id}", vulnerability, "GET")]
    return application(routes, lambda _: _refusal(404, 5, "The current request is not defined by this API."))


def _result(query: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    name, version = canonicalize_name(query["package"]["name"]), Version(query["version"])
    found = [
        {"id": record["id"], "modified": record["modified"]}
        for record in records
        for each in record["affected"]
        if each["package"]["name"] == name and _affects(each, version)
    ]
    return {"vulns": found} if found else {}


def _affects(affected: dict[str, Any], version: Version) -> bool:
    """Tell whether a version lies in a range (ossf.github.io/osv-schema, "Evaluation")."""
    inside = False
    for span in affected["ranges"]:
        for event in span["events"] if span["type"] == "ECOSYSTEM" else ():
            if "introduced" in event and version >= Version(event["introduced"]):
                inside = True
            if "fixed" in event and version >= Version(event["fixed"]):
                inside = False
    return inside


def _refusal(status: int, code: int, message: str) -> Response:
    return json_answer(status, {"code": code, "message": message})
