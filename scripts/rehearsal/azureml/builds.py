"""Image builds: asked for, running in the background while their log grows in a blob, and over."""

import pathlib
import threading
import traceback
import uuid
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from ..arm.guard import Visit, Workspace, error
from ..builder.build import BuildResult, Tell
from ..state.store import Store
from ..storage import blobs, sas
from ..web.answers import json_answer
from . import artifacts
from .environments import find, image_name

Build = Callable[[str, str, str, Tell], BuildResult]
"""Builds the image of an environment: takes the workspace's ARM id, name and version, and whom to tell the log."""


class Builds:
    """The builds of one run. Their states, and the images that exist, are in the workspace's record."""

    def __init__(self, store: Store, build: Build) -> None:
        """Build with `build`."""
        self._store = store
        self._build = build

    def start(self, visit: Visit, _: object) -> Response:
        """Start a build: 202, and where to ask how it goes (azureml-core's `_start_cloud_image_build`).

        The image is built anew if it exists. The form of that address is our model.
        """
        number, record = find(visit)
        build = str(uuid.uuid4())
        log = artifacts.record(*_place(build))
        visit.records.setdefault("artifacts", {})[log["artifactId"]] = log
        visit.records.setdefault("builds", {})[build] = {
            "environment": visit.part("name"),
            "version": number,
            "image": image_name(record),
            "status": "Queued",
        }
        threading.Thread(
            target=self._run, args=(visit.workspace, build, visit.part("name"), number), daemon=True
        ).start()
        place = f"https://{visit.request.url.hostname}/environment/v2.0{visit.workspace.id}/operations/{build}"
        return json_answer(202, {"location": place})

    def progress(self, visit: Visit, _: object) -> Response:
        """Tell how a build goes, and where its log is: both are in the words of `ImageBuildDetails`.

        A client that asks at once sees Queued or Running; then Succeeded or Failed. The log is the workspace's blob
        `azureml/ImageLogs/{id}/build.log`: a failure names that path of the workspace's storage (azure-docs#91296).
        That the artifact service signs its address is our model: it has the same container. Where the workspace's
        record has `log: untold`, the answer has no address, as azureml-core expects (`ImageBuildDetails.get_log`).
        """
        record = visit.records.get("builds", {}).get(visit.part("build"))
        if record is None:
            raise error(404, "UserError", f"Operation {visit.part('build')} could not be found.")
        if visit.records.get("log") == "untold":
            return json_answer(200, {**record, "logUrl": None})
        log = sas.signed_url(self._store, _log(visit.workspace, visit.part("build")), "r")
        return json_answer(200, {**record, "logUrl": log})

    def _run(self, workspace: Workspace, build: str, name: str, version: str) -> None:
        self._note(workspace, build, "Running")
        blob = _log(workspace, build)
        path = self._store.blobs(blob.account) / blob.container / blob.path
        path.parent.mkdir(parents=True, exist_ok=True)
        ok = _told(path, lambda tell: self._build(workspace.id, name, version, tell).ok)
        self._note(workspace, build, "Succeeded" if ok else "Failed")

    def _note(self, workspace: Workspace, build: str, status: str) -> None:
        """Note a build's status; nothing if the state has been replaced since it began."""
        with self._store.edit("arm") as document:
            records: dict[str, Any] = workspace.records(document)
            record = records.get("builds", {}).get(build)
            if record is None:
                return
            record["status"] = status
            if status == "Succeeded" and record["image"] not in records.setdefault("images", []):
                records["images"].append(record["image"])


def _told(path: pathlib.Path, build: Callable[[Tell], bool]) -> bool:
    """Run a build with its log going to `path`; what it raises is in the log, so that nobody waits for ever."""
    with path.open("w", encoding="utf-8") as file:

        def tell(text: str) -> None:
            file.write(text)
            file.flush()

        try:
            return build(tell)
        except Exception:  # noqa: BLE001  # whatever it is, whoever asks must be told that the build is over
            tell(traceback.format_exc())
            return False


def _log(workspace: Workspace, build: str) -> sas.Blob:
    return sas.Blob(workspace.storage_account, blobs.CONTAINER, "/".join(_place(build)))


def _place(build: str) -> tuple[str, str, str]:
    return "ImageLogs", build, "build.log"
