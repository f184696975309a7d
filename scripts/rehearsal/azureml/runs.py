"""Experiments, snapshots and runs: what azureml-core's `Experiment.submit` asks for, up to and with the submission.

After azureml-core 1.61: `_restclient/operations` (experiment, run), `snapshots_client`,
`_execution/_commands`. A run is kept as a job (`arm.jobs`), with what was sent under `v1`; nothing is run.
"""

import time
import urllib.parse
import uuid
from typing import Any

from starlette.responses import Response

from ..arm import jobs
from ..arm.guard import Operation, Visit, error
from ..state import names
from ..state.store import Store
from ..storage import blobs, sas
from ..web.answers import json_answer
from ..web.moments import moment
from . import definition
from .artifacts import MAY_WRITE


def experiment(visit: Visit, _: object) -> Response:
    """Show an experiment; a POST makes it if need be ("or returns an existing experiment with that name")."""
    known, name = visit.records.setdefault("experiments", {}), visit.part("experiment")
    if visit.request.method == "GET" and name not in known:
        raise error(404, "UserError", f"Experiment {name} could not be found.")
    if name not in known:
        number = names.guid("experiment", visit.workspace.id, name)
        known[name] = {"experimentId": number, "name": name, "createdUtc": moment(time.time()), "tags": {}}
    return json_answer(200, known[name])


def uploads(store: Store) -> Operation:
    """Return the operation that gives out an address to upload to for each file of a snapshot.

    `FileNames` in, `fileNodes` out, as `_upload_snapshot_files` has it; where the blobs are is our model.
    """

    def give(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
        place = f"Snapshots/{uuid.uuid4()}"
        nodes = [
            {"fullName": each, "blobUri": sas.signed_url(store, _blob(visit, f"{place}/{each}"), MAY_WRITE)}
            for each in content["FileNames"]
        ]
        return json_answer(200, {"fileNodes": nodes})

    return give


def snapshot(store: Store) -> Operation:
    """Return the operation that makes a snapshot of uploaded files; one that is missing is a 400 (our model)."""

    def create(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
        files = {each["FullName"]: _path(each["BlobUri"]) for each in content["FileRevisionList"]["FileNodes"]}
        account = store.blobs(visit.workspace.storage_account)
        missing = [name for name, path in files.items() if not (account / path).is_file()]
        if missing:
            raise error(400, "UserError", f"The snapshot's files weren't uploaded: {', '.join(missing)}")
        known = visit.records.setdefault("snapshots", {})
        known[visit.part("snapshot")] = {"root": content["DirTreeNode"], "files": files}
        return json_answer(200, {"id": visit.part("snapshot")})

    return create


def latest(visit: Visit, _: object) -> Response:
    """Show the last snapshot: what differs from it is uploaded (`project_snapshot_cache`). At first it is empty."""
    known = visit.records.get("snapshots", {})
    name = list(known)[-1] if known else str(uuid.UUID(int=0))
    return json_answer(200, {"id": name, "root": known[name]["root"] if known else {}})


def submit(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
    """Take a run: on a snapshot that exists, and on an environment that is registered just so.

    An environment that isn't would be registered on the way (Learn, how-to-use-environments): who meant a released one
    doesn't want that, so it is refused here. The identity of the answer is what `_start_internal` reads.
    """
    run = visit.request.query_params.get("runId") or str(uuid.uuid4())
    if content["SnapshotId"] not in visit.records.get("snapshots", {}):
        raise error(400, "UserError", f"Snapshot {content['SnapshotId']} could not be found.")
    configuration = content["Configuration"]
    environment = configuration["environment"]
    asset = f"{visit.workspace.id}/environments/{environment['name']}/versions/{environment['version']}"
    jobs.check_environment(visit, asset)
    registered = visit.records["environments"][environment["name"]][environment["version"]]
    if definition.read(environment) != definition.from_arm(registered):
        raise error(400, "UserError", f"Environment {environment['name']} differs from what is registered.")
    properties = {
        "jobType": "Command",
        "experimentName": visit.part("experiment"),
        "displayName": run,
        "environmentId": asset,
        "computeId": f"{visit.workspace.id}/computes/{configuration['target']}",
        "command": configuration["command"] or f"python {configuration['script']}",
        "properties": {"ContentSnapshotId": content["SnapshotId"]},
        "tags": {},
    }
    jobs.store(visit, run, properties, v1=content)
    return json_answer(200, {"runId": run})


def run(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
    """Show a run, after its tags and properties were added to (PATCH)."""
    record = visit.records.get("jobs", {}).get(visit.part("run"))
    if record is None:
        raise error(404, "UserError", f"Run {visit.part('run')} could not be found.")
    properties = record["properties"]
    for kind in ("tags", "properties"):
        properties[kind] |= (content or {}).get(kind) or {}
    answer = {
        "runId": record["name"],
        "rootRunId": record["name"],
        "runNumber": list(visit.records["jobs"]).index(record["name"]) + 1,
        "experimentId": visit.records["experiments"][properties["experimentName"]]["experimentId"],
        "status": properties["status"],
        "target": properties["computeId"].rpartition("/")[2],
        "tags": properties["tags"],
        "properties": properties["properties"],
        "createdUtc": record["systemData"]["createdAt"],
    }
    return json_answer(200, answer)


def _blob(visit: Visit, path: str) -> sas.Blob:
    return sas.Blob(visit.workspace.storage_account, blobs.CONTAINER, path)


def _path(address: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(address).path).lstrip("/")
