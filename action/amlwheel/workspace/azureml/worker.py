"""The worker: the one file that imports azureml. It runs in an environment of its own, with little of our code.

One request a line on stdin, one answer a line on stdout, both JSON; `process` has the other end. Nothing that
the SDK prints gets in between. What it logs is dropped: its loggers show signed addresses, which are secrets.
"""

import hashlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from azureml._restclient.artifacts_client import ArtifactsClient
from azureml._restclient.environment_client import EnvironmentClient
from azureml._vendor.azure_storage.blob._shared.policies import ExponentialRetry
from azureml.core import VERSION, Environment, Workspace
from azureml.core.authentication import TokenAuthentication
from azureml.core.conda_dependencies import CondaDependencies
from msrest.exceptions import HttpOperationError
from requests.adapters import HTTPAdapter

from ...errors.base import StepError
from ...model import exact, origin, secret
from ...transport import bounds, debug, installed, parent, process
from . import failures

Json = dict[str, Any]
ORIGIN, CONTAINER = "Environment", "azureml-private-packages"  # where add_private_pip_wheel puts wheels
CONNECT, READ = 10, 20  # seconds for one request
SLOWEST = 2**18  # bytes a second: the slowest upload that isn't ended
PAUSES = (0.5, 2.0, 5.0)  # seconds between attempts, where the SDK makes none
BLOCK, LARGEST_RECIPE = 2**20, 2**23  # bytes, characters
BUILDING = ("Running", "Queued", "GettingOrProvisioningACR")  # azureml-core, ImageBuildDetails
NOT_FOUND, CONFLICT = 404, 409
_TEMPORARY = (408, 429, 500, 502, 503, 504)

_tokens: dict[str, str] = {}
_workspaces: dict[str, Workspace] = {}


def main(stdout: int) -> None:
    """Answer requests until stdin ends. Answers go to the descriptor `stdout`, since the SDK may print on 1."""
    process.hide()
    parent.end_with_parent()
    answers = os.fdopen(stdout, "w", encoding="utf-8")
    logging.disable(logging.CRITICAL)
    ExponentialRetry.get_backoff_time = lambda _, settings: 3.0 ** settings["count"]  # seconds; its first is 15
    HTTPAdapter.send = bounds.bounded(_bounded(HTTPAdapter.send))  # type: ignore[method-assign]
    told: list[str] = []
    debug.listeners[:] = [told.append]
    for line in sys.stdin:
        answers.write(json.dumps({**answer(json.loads(line)), "debug": told}) + "\n")
        told.clear()
        answers.flush()


def answer(request: Json) -> Json:
    """Return `{"result": …}`, or `{"failure": {kind, status, host, message}}`; see `failures`."""
    _tokens.update(request.get("tokens", {}))
    try:
        return {"result": CALLS[request["call"]](request)}
    except Exception as error:  # noqa: BLE001  # the SDK raises builtin exceptions too
        told = {
            "kind": failures.kind(error),
            "status": failures.status(error),
            "host": failures.host(error),
            "message": str(error)[:4000],
        }
        return {"failure": told}


def _bounded(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """Give every request a time limit of ours: the SDK's environment client has none, others 100 seconds and more."""

    def bounded(adapter: HTTPAdapter, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # noqa: ANN401
        length = int(request.headers.get("Content-Length") or 0)
        return send(adapter, request, **{**more, "timeout": (CONNECT, READ + length / SLOWEST)})

    return bounded


def _again(call: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever the call returns
    """Return what `call` returns; try again when network or server fail for a moment."""
    for pause in PAUSES:
        try:
            return call()
        except Exception as error:  # likewise
            if failures.status(error) not in _TEMPORARY and failures.kind(error) not in ("network", "timeout"):
                raise
        time.sleep(pause)
    return call()


def _workspace(request: Json) -> Workspace:
    """Return the workspace, asked for once. `Workspace.get` comes back without one when ARM can't be reached."""
    place: Json = request["workspace"]
    key = json.dumps(place, sort_keys=True)
    if key not in _workspaces:
        found = Workspace.get(
            place["name"],
            auth=TokenAuthentication(_tokens.__getitem__, cloud="AzureCloud"),
            subscription_id=place["subscription"],
            resource_group=place["group"],
        )
        if not found.discovery_url:
            raise requests.ConnectionError("the workspace has no discovery address")
        _workspaces[key] = found
    return _workspaces[key]


def hello(request: Json) -> str:
    """Return the version of azureml-core: it is imported."""
    del request
    return str(VERSION)


def opened(request: Json) -> str:
    """Sign in, get the workspace and the addresses of its services; return the discovery address."""
    workspace = _again(lambda: _workspace(request))
    _again(lambda: workspace.service_context)
    installed.freeze()  # code of others runs from now on
    return str(workspace.discovery_url)


def readable(request: Json) -> None:
    """Read a connection, which may be missing; raise when Azure Resource Manager refuses the SDK's api-version."""
    try:
        _again(lambda: _workspace(request).get_connection(request["name"]))
    except Exception as error:
        # An api-version that is switched off can be a 404, too (azure-sdk-for-js#15460).
        if failures.status(error) != NOT_FOUND or re.search(
            r"InvalidResourceType|api.?version", str(error), re.IGNORECASE
        ):
            raise


def connect(request: Json) -> None:
    """Store a connection. The answer isn't returned: it may repeat the token."""
    given = {name: request[name] for name in ("name", "category", "target", "authType", "value")}
    _again(lambda: _workspace(request).set_connection(**given))


def environment(request: Json) -> Json | None:
    """Return image and conda spec of a version, None when it isn't registered."""
    try:
        found = _again(lambda: Environment.get(_workspace(request), request["name"], version=request["version"]))
    except Exception as error:
        if failures.status(error) == NOT_FOUND:
            return None
        raise
    dependencies = found.python.conda_dependencies
    return {"image": found.docker.base_image, "spec": dependencies and dependencies.as_dict()}


def register(request: Json) -> None:
    """Register a version, every line verbatim: the SDK's helpers for dependencies would change or lose pins."""
    made = Environment(request["name"])
    made.version = request["version"]
    made.environment_variables = {}  # otherwise the SDK adds EXAMPLE_ENV_VAR
    made.docker.base_image = request["image"]
    made.python.conda_dependencies = CondaDependencies(_underlying_structure=request["spec"])
    _again(lambda: made.register(_workspace(request)))


def wheel(request: Json) -> Json | None:
    """Return address and sha256 (hex) of a stored wheel; no sha256 when only its record is there, None without one."""
    client = ArtifactsClient(_workspace(request).service_context)
    try:
        address = client.get_file_uri(ORIGIN, CONTAINER, request["file"])
    except HttpOperationError as error:
        if failures.status(error) == NOT_FOUND:
            return None
        raise
    return {"address": address.partition("?")[0], "sha256": _again(lambda: _sha256(address))}


def _sha256(address: str) -> str:
    digest = hashlib.sha256()
    with requests.get(address, stream=True, timeout=(CONNECT, READ)) as response:
        if response.status_code == NOT_FOUND:
            return ""
        response.raise_for_status()
        for block in response.iter_content(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def upload(request: Json) -> None:
    """Upload a wheel, as add_private_pip_wheel; what is stored then decides. Its record may outlive a failure."""
    path, client = Path(request["path"]), ArtifactsClient(_workspace(request).service_context)
    try:
        with exact.held(path, request["sha256"]) as stream:
            client.upload_artifact_from_stream(stream, ORIGIN, CONTAINER, path.name)
    except Exception as error:
        found = wheel({**request, "file": path.name})
        raced = "Resource Conflict" in str(error)  # another run has made the record meanwhile
        if not raced and (found is None or found["sha256"] != request["sha256"]):
            raise


def image(request: Json) -> bool:
    """Tell whether the image of a version is built."""
    found = Environment(request["name"])
    found.version = request["version"]
    return bool(_again(lambda: found.get_image_details(_workspace(request))).image_exist)


def recipe(request: Json) -> str:
    """Return the builder's own files, a zip archive in base64, empty without any. They hold credentials."""
    client = EnvironmentClient(_workspace(request).service_context)
    wanted = {"platform": "Linux", "useDocker": True}  # as Environment.build_local
    said = _again(lambda: client._get_recipe_for_build(request["name"], request["version"], **wanted))  # noqa: SLF001
    files = said.get("setupContentZip") if isinstance(said, dict) else None
    return files if isinstance(files, str) and len(files) <= LARGEST_RECIPE else ""


def build(request: Json) -> str:
    """Start the image build of a version; return the address of its progress.

    Empty when it runs, is over, or is told elsewhere. `Environment.build` would register anew; all but 202 is raised.
    """
    client = EnvironmentClient(_workspace(request).service_context)
    try:
        started = _again(lambda: client._start_cloud_image_build(request["name"], request["version"]))  # noqa: SLF001
    except Exception as error:
        if failures.status(error) in (200, CONFLICT):
            return ""
        raise
    return str(started["location"]) if origin.same(str(started["location"]), client.get_cluster_url()) else ""


def progress(request: Json) -> Json:
    """Return the status of a build, and the lines of its log after the first `seen`; None when the log is unreadable.

    When the build is over, a log that isn't where the service says is looked for in the workspace's storage. A line
    that isn't whole yet is left for later: the end of a signature in it couldn't be told.
    """
    client = EnvironmentClient(_workspace(request).service_context)
    said = _again(lambda: client._get_lro_response(request["location"]))  # noqa: SLF001
    state = {"status": str(said["status"]), "ended": said["status"] not in BUILDING}
    log = _log(str(said.get("logUrl") or ""))
    if state["ended"] and not log:
        log = _log(_stored_log(request, said)) or None
    if log is None:
        return {**state, "lines": None}
    whole = log if state["ended"] else log[: log.rfind("\n") + 1]
    lines = secret.unsigned(whole.removesuffix("\n")).split("\n") if whole else []
    return {**state, "lines": lines[request["seen"] :]}


def _log(address: str) -> str | None:
    """Return what is at an address, empty when there is nothing or no address; None when it can't be read."""
    try:
        return _again(lambda: _text(address)) if address else ""
    except (requests.RequestException, StepError):
        return None


def _stored_log(request: Json, said: Json) -> str:
    """Return a signed address of the log in the workspace's own storage, empty when there is none.

    A failure names the place, "/azureml/ImageLogs/ID/build.log" (azure-docs#91296); if this one doesn't, ID is taken to
    be the build's. In the container `azureml` files lie by origin, container and path of the artifact service.
    """
    named = re.search(r"ImageLogs/([\w.-]+)/build\.log", json.dumps(said))
    build = named[1] if named else request["location"].partition("?")[0].rpartition("/")[2]
    client = ArtifactsClient(_workspace(request).service_context)
    try:
        return str(client.get_file_uri("ImageLogs", build, "build.log"))
    except Exception:  # noqa: BLE001  # whatever it is: the build's result counts without its log, too
        return ""


def _text(address: str) -> str:
    response = requests.get(address, timeout=(CONNECT, READ))
    if response.status_code == NOT_FOUND:  # it appears with its first line
        return ""
    response.raise_for_status()
    response.encoding = "utf-8"
    return response.text


CALLS: dict[str, Callable[[Json], Any]] = {
    each.__name__: each
    for each in (hello, opened, readable, connect, environment, register, wheel, upload, image, recipe, build, progress)
}
