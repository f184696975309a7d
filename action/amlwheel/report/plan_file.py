"""The plan file: a release that one job has planned and proven, for other jobs to apply. It holds no secret."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from .. import __version__
from ..errors.inputs import BadInput
from ..errors.planned import PlanAltered, PlanOfOtherVersion
from ..model import as_json
from ..model.environment import Environment, digest, to_yaml
from ..model.wheel import File
from .release import Release

_LARGEST = 2**26  # bytes; a thousand packages have about five million
_OF_THE_PART = ("wheels", "feed", "connection", "workspaces", "shard")  # what each applying job has from elsewhere


@dataclass(frozen=True)
class PlannedWheel:
    """A wheel in the folder `dist` beside the file: its name, sha256 (hex), and from what it was built, if not ours."""

    name: str
    sha256: str
    sdist: File | None


@dataclass(frozen=True)
class PlannedChange:
    """What the planning job would have changed; each applying job plans anew, since the world may have moved."""

    verb: str
    subject: str
    why: str


@dataclass(frozen=True)
class Plan:
    """What the file holds. `step` is the version that wrote it, `commit` the one that was checked out.

    `inputs` are those that decide what is released; `release` has all that was decided, but for the parts that each
    applying job has from elsewhere. `proven` says how it was proven.
    """

    step: str
    commit: str
    inputs: Mapping[str, Any]
    workspaces: tuple[str, ...]
    wheels: tuple[PlannedWheel, ...]
    plan: tuple[PlannedChange, ...]
    proven: str
    release: Mapping[str, Any]


def kept(release: Release) -> dict[str, Any]:
    """Return what the file holds of a release, as JSON data."""
    return {name: each for name, each in as_json.plain(release).items() if name not in _OF_THE_PART}


def text(plan: Plan) -> str:
    """Return the text of the file, with a hash over all the rest of it."""
    data = as_json.plain(plan)
    return json.dumps({**data, "sha256": _hash(data)}, indent=1) + "\n"


def read(path: Path) -> Plan:
    """Read a plan file; raise BadInput where there is none, PlanAltered and PlanOfOtherVersion."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
    except OSError as error:
        raise BadInput(
            f"`apply` {str(path)!r} can't be read: {error.strerror}.",
            cause="This job didn't fetch what the planning job handed on, or fetched it into another folder.",
            fix="Fetch it before the step, and name in `apply` where the plan file then is.",
        ) from None
    try:
        data = json.loads(content)
        if data.pop("sha256") != _hash(data):
            raise PlanAltered(f"{path.name} isn't what it was when it was written: its hash is another one.")
        if data["step"] != __version__:
            told = f"{path.name} was written by amlwheel {str(data['step'])[:40]!r}"
            raise PlanOfOtherVersion(f"{told}, and this is {__version__!r}.")
        plan: Plan = as_json.made(Plan, data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise PlanAltered(f"{path.name} isn't a plan file as the step writes it.") from None
    return plan


def restored(plan: Plan, **of_the_part: Any) -> Release:  # noqa: ANN401  # fields of a release
    """Return the release of a plan with what the file doesn't hold.

    Raises PlanAltered for an environment whose version doesn't follow from its content.
    """
    hints = get_type_hints(Release)
    try:
        values = {name: as_json.made(hints[name], each) for name, each in plan.release.items()}
        release = Release(**values, **of_the_part)
    except (ValueError, TypeError, KeyError):
        raise PlanAltered("The plan file doesn't hold a release as the step writes it.") from None
    if not _follows(release.environment):
        raise PlanAltered(f"The plan file has another content for {release.environment.reference} than its version.")
    return release


def _follows(environment: Environment) -> bool:
    """Tell whether version and YAML follow from the definition, see `environment.define`."""
    mark = digest(environment.spec, environment.image)[:12]
    return environment.version.endswith(f"-{mark}") and environment.conda == to_yaml(environment.spec)


def _hash(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
