"""`verify: image`: the workspace's own image build, through azureml-core."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from ...errors.base import TooSlow
from ...errors.workspace import ImageBuildFailed
from ...model.azure import Workspace
from ...model.environment import Environment
from .process import Worker
from .sdk import named

IMAGE_SECONDS = 3600.0  # a cold build takes 10 to 20 minutes; conda is known to stall for long
POLL = 5.0  # seconds, as azureml-core's own wait_for_completion
PATIENCE = 15.0  # seconds that a file may take to follow its record: another run may be uploading it
# The most telling lines of a failed build's log, best first: pip's error, its question for a user, the subscription's
# quota, no compute for a registry behind a network, a base image without conda, any other error.
_QUOTA, _NO_COMPUTE, _NO_CONDA = r".*\b[Qq]uota\b", r".*\bImageBuildComputeNotValid\b", r".*\b[Cc]onda\b.*\bnot found"
_TELLING = (r"ERROR: ", r"User for \S+:", _QUOTA, _NO_COMPUTE, _NO_CONDA, r".*(?:Error|error|Exception)\b")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?:? *")  # a line of a build's log may begin with it
_ELSEWHERE = (
    "its log can't be read from here; see it in the studio, or in the workspace's storage (workspaceblobstore) below "
    "azureml/ImageLogs"
)
# What a build waits for (azureml-core, `ImageBuildDetails`), in words.
_WAITING = {
    "Queued": "The build waits in the queue for a compute: the subscription's quota for serverless compute counts.",
    "GettingOrProvisioningACR": "The build waits for the workspace's container registry.",
}
_COMPUTE = {
    _QUOTA: "Images are built on serverless compute by default, and the subscription has no cores left for it.",
    _NO_COMPUTE: "The workspace's container registry is behind a network, and only a compute in it reaches it.",
}
LAST_LINES = 5000  # of a log that are searched


def build_image(
    worker: Worker,
    workspace: Workspace,
    environment: Environment,
    echo: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Have the workspace build the environment's image, unless it exists, and wait for it; return the result in words.

    `echo` gets the build's log, line by line. Raises ImageBuildFailed with the line that shows the cause, and TooSlow.
    """
    if worker.ask("image", workspace, named(environment)):
        return "was built before"
    location = worker.ask("build", workspace, named(environment))
    end = time.monotonic() + IMAGE_SECONDS
    log: list[str] = []
    told = ""
    while True:
        state = _progress(worker, workspace, environment, location, len(log))
        waiting = _WAITING.get(state["status"], "")
        if waiting and waiting != told:
            echo(waiting)
        told = waiting
        for line in state["lines"] or ():
            echo(line)
            log.append(line)
        if state["ended"]:
            break
        if time.monotonic() >= end:
            raise TooSlow(
                f"The image of {environment.reference} isn't built on {workspace.name} after {IMAGE_SECONDS:.0f} s.",
                fix="Run the step again: the build goes on, and its image is found then.",
            )
        pause(POLL)
    if state["status"] != "Succeeded":
        why = telling(log) if state["lines"] is not None else _ELSEWHERE
        raise ImageBuildFailed(
            f"{workspace.name} can't build the image of {environment.reference} ({state['status']}): {why}",
            **_advice(why, workspace),
        )
    return "built"


def _progress(
    worker: Worker, workspace: Workspace, environment: Environment, location: str, seen: int
) -> dict[str, Any]:
    """Return the state of the build; if another run has started it, only whether the image exists is known."""
    if location:
        state: dict[str, Any] = worker.ask("progress", workspace, {"location": location, "seen": seen})
        return state
    ended = worker.ask("image", workspace, named(environment))
    return {"status": "Succeeded" if ended else "Running", "ended": ended, "lines": ()}


def telling(log: Sequence[str]) -> str:
    """Return the most telling line of a failed build's log. The text is hostile."""
    lines = [_plain(line[:500].strip()) for line in log[-LAST_LINES:]]
    for pattern in _TELLING:
        found = next((line for line in lines if re.match(pattern, line)), "")
        if found:
            return found
    return next(filter(None, reversed(lines)), "its log is empty")


def _advice(why: str, workspace: Workspace) -> dict[str, str]:
    """Return cause and fix for what a log says of where and on what images are built.

    Sources: Learn, how-to-manage-quotas; terraform-azurerm-avm-res-machinelearningservices-workspace#45; Learn,
    how-to-troubleshoot-environments.
    """
    if re.match(_NO_CONDA, why):
        return {
            "cause": "The base image has no conda, and every environment is installed in it with conda.",
            "fix": "Set `base-image` to one with conda, such as those of mcr.microsoft.com/azureml; then run it again.",
        }
    cause = next((cause for pattern, cause in _COMPUTE.items() if re.match(pattern, why)), "")
    where = f"--name {workspace.name} --resource-group {workspace.group}"
    fix = (
        f"Let a cluster of the workspace build images: az ml workspace update {where} --image-build-compute "
        "CLUSTER. Then run the step again; the environment is registered."
    )
    return {"cause": cause, "fix": fix} if cause else {}


def _plain(line: str) -> str:
    """Return a line without its time stamp."""
    stamp = _STAMP.match(line)
    return line[stamp.end() :] if stamp else line
