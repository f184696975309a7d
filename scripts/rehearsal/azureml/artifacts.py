"""The artifact service: a record for each file of a workspace, and the signed URL under which the file itself is.

After azureml-core's `_restclient` (artifact_operations, models). What is stored is the blob
`azureml/{origin}/{container}/{path}` of the workspace's account (azure-cli-extensions#5111 shows one).
"""

import time
from typing import Any

from starlette.responses import Response

from ..arm.guard import Operation, Visit, error
from ..state.store import Store
from ..storage import blobs, sas
from ..web.answers import json_answer
from ..web.moments import moment
from .guard import user_error

MAY_WRITE = "rcw"
"""Read, create, write: azureml-core asks for the blob's size with the URL that it uploaded to."""


def creation(store: Store) -> Operation:
    """Return the operation that creates records, and gives out URLs to upload to.

    A record is there as soon as it was answered, whether or not an upload follows. What exists already is an error
    in an answer of status 200 (ultralytics#1865 has its text, azureml-core's `create_empty_artifacts` its place).
    """

    def create(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
        known = visit.records.setdefault("artifacts", {})
        answer: dict[str, Any] = {"artifacts": {}, "artifactContentInformation": {}, "errors": {}}
        for path in _paths(content):
            key = _key(visit, path)
            if key in known:
                text = f"Resource Conflict: ArtifactId {key} already exists."
                answer["errors"][path] = {"error": user_error(text)}
                continue
            known[key] = record(visit.part("origin"), visit.part("container"), path)
            answer["artifacts"][path] = known[key]
            answer["artifactContentInformation"][path] = _content(store, visit, path, MAY_WRITE)
        return json_answer(200, answer)

    return create


def content_information(store: Store) -> Operation:
    """Return the operation that gives out URLs to read from; 404 without a record, and no look at the blob."""

    def show(visit: Visit, _: object) -> Response:
        path = visit.part("path")
        if _key(visit, path) not in visit.records.get("artifacts", {}):
            raise error(404, "UserError", f"ArtifactId {_key(visit, path)} not found.")
        return json_answer(200, _content(store, visit, path, "r"))

    return show


def listed(visit: Visit, _: object) -> Response:
    """List the records of a container; azureml-core shows their paths when one of them isn't found."""
    prefix = _key(visit, "")
    found = [record for key, record in visit.records.get("artifacts", {}).items() if key.startswith(prefix)]
    return json_answer(200, {"value": found, "continuationToken": None, "nextLink": None})


def record(origin: str, container: str, path: str) -> dict[str, Any]:
    """Return the record of a file."""
    now, key = time.time(), f"{origin}/{container}/{path}"
    return {
        "artifactId": key,
        "origin": origin,
        "container": container,
        "path": path,
        "etag": f'"{int(now * 1000):x}"',
        "createdTime": moment(now),
        "dataPath": {"dataStoreName": "workspaceartifactstore", "relativePath": key},
    }


def _paths(content: Any) -> list[str]:  # noqa: ANN401  # JSON
    try:
        paths = [entry["path"] for entry in content["paths"]]
    except (KeyError, TypeError):
        paths = []
    if not paths or not all(isinstance(path, str) and path for path in paths):
        raise error(400, "UserError", "The request names no paths.")
    return paths


def _key(visit: Visit, path: str) -> str:
    return f"{visit.part('origin')}/{visit.part('container')}/{path}"


def _content(store: Store, visit: Visit, path: str, permissions: str) -> dict[str, str]:
    blob = sas.Blob(visit.workspace.storage_account, blobs.CONTAINER, _key(visit, path))
    origin, container = visit.part("origin"), visit.part("container")
    uri = sas.signed_url(store, blob, permissions)
    return {"contentUri": uri, "origin": origin, "container": container, "path": path}
