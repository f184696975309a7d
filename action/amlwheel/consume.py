"""The companion of a training job: is what the receipt describes still there, and still the same? It only reads."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from .errors.base import StepError
from .errors.consume import BadReceipt, ConnectionGone, EnvironmentChanged, EnvironmentGone, TokenEnds
from .hosts.terminal import Terminal
from .inputs import reading
from .inputs.consumed import Consumed
from .model import connection_token
from .model.azure import Connection, Workspace
from .model.environment import Image, bare, digest
from .model.secret import Secret
from .plan import observe
from .report.receipt import SCHEMA
from .sign_in import detectors
from .sign_in.credential import ARM_SCOPE
from .transport import http
from .transport.arm import Arm, object_in
from .workspace import connections, look
from .workspace.look import WorkspaceState

LARGEST = 2**22  # bytes of a receipt; a real one has a few thousand
# What the parts look like, as in templates/aml-release.schema.json; they become outputs and parts of addresses.
_ENVIRONMENT, _RELEASED = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}", r"[0-9][0-9a-z.+-]*-[0-9a-f]{12}"
_PACKAGE, _VERSION = r"[a-z0-9]+(-[a-z0-9]+)*", r"[0-9][0-9a-z.!+]*"
_CONNECTION, _SHA256 = r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", r"[0-9a-f]{64}"
_ADDRESS = r"https?://[\w.:-]+(/[\w.~%!()+,=:@/-]*)?"


@dataclass(frozen=True)
class Told:
    """What a receipt says of a release, as far as a consumer needs it; see templates/aml-release.schema.json."""

    name: str
    version: str
    image: str
    sha256: str
    stored: bool
    packages: tuple[tuple[str, str], ...]
    workspaces: tuple[Workspace, ...]
    connection: Connection | None

    @property
    def reference(self) -> str:
        """The environment as jobs name it."""
        return f"azureml:{self.name}:{self.version}"

    def id(self, place: Workspace) -> str:
        """Return the environment's resource id on `place`, as the receipt spells it: nothing is quoted."""
        return f"{place.id}/environments/{self.name}/versions/{self.version}"


def run(arguments: Sequence[str], environ: Mapping[str, str], host: Terminal) -> None:
    """Check a release, and hand its names to later steps; raise a StepError for everything that isn't as it was."""
    given = reading.from_environment(environ, host.style, Consumed)
    given |= reading.from_command_line(arguments, Consumed)
    for text in filter(None, (environ.get(name, "") for name in detectors.SECRETS)):
        host.mask(Secret(text), http.USER)
    inputs = reading.read_consumed(given)
    with host.stage("Read the receipt") as done:
        told = read(Path(inputs.receipt))
        done.append(told.reference)
    places = inputs.workspace or told.workspaces
    with host.stage("Compare with Azure") as done:
        credential = detectors.find(environ, partial(host.mask, user=http.USER), inputs.application)
        arm = Arm(credential, ARM_SCOPE)
        with observe.observing() as seen:
            for place in places:
                seen.ask(partial(_check_environment, arm, told, place))
            ends = [seen.ask(partial(_check_connection, arm, told, place)) for place in places if told.connection]
        done += [f"the same on {place.name}" for place in places]
    _alarm((future.result() for future in ends), inputs.alarm_days, datetime.now(timezone.utc).date(), host)
    host.outputs(
        {  # receipt.CONSUME_OUTPUTS
            "environment": told.reference,
            "environment-id": "\n".join(told.id(place) for place in places),
            "environment-name": told.name,
            "environment-version": told.version,
            "package-name": "\n".join(name for name, _ in told.packages),
            "package-version": "\n".join(version for _, version in told.packages),
            "connection": told.connection.name if told.connection else "",
            "index-url": told.connection.index if told.connection and told.connection.category != "Git" else "",
        }
    )
    host.summary(f"`{told.reference}` is as it was released, on {', '.join(place.name for place in places)}.\n")


def read(path: Path) -> Told:
    """Read a receipt, which is foreign text; raise BadReceipt for all that isn't one of a release.

    What an older format lacks isn't needed; of a newer one nobody knows what it means.
    """
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(LARGEST))
        if type(said["schema"]) is not int or not 0 < said["schema"] <= SCHEMA:
            raise BadReceipt(
                f"{path} is in format {str(said['schema'])[:20]}, and this version reads 1 to {SCHEMA}.",
                fix="Use the version of amlwheel that wrote it, or a newer one.",
            )
        if said.get("dry_run"):
            raise BadReceipt(f"{path} is of a dry run, which released nothing.", fix="Use the receipt of a release.")
        return _told(said)
    except OSError as error:
        raise BadReceipt(f"{path} can't be read: {error.strerror}.") from None
    except StepError as error:
        raise (error if isinstance(error, BadReceipt) else BadReceipt(f"{path}: {error.what[:300]}")) from None
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise BadReceipt(
            f"{path} isn't the receipt of a release ({type(error).__name__}: {str(error)[:80]})."
        ) from None


def _told(said: Mapping[str, Any]) -> Told:
    """Take the parts; each has to look as in a receipt that this step wrote, so nothing else gets further."""
    environment, feed, stored = said["environment"], said["feed"], said["connection"]
    made = Told(
        name=_text(environment["name"], _ENVIRONMENT),
        version=_text(environment["version"], _RELEASED),
        image=str(environment["image"]),
        sha256=_text(environment["definition_sha256"], _SHA256),
        stored=said["route"] == "workspace",
        packages=tuple((_text(each["name"], _PACKAGE), _text(each["version"], _VERSION)) for each in said["packages"]),
        workspaces=tuple(Workspace.parse(str(each).partition("/environments/")[0]) for each in environment["ids"]),
        connection=Connection(
            _text(stored["name"], _CONNECTION),
            _text(stored["target"], _ADDRESS),
            _text(stored.get("category", "PythonFeed"), "PythonFeed|Git"),
            # Images from a commit need no feed: the connection is the repository's.
            _text(said["source"]["repository"] if "category" in stored else feed["index_url"], _ADDRESS),
        )
        if stored
        else None,
    )
    ids = [made.id(place) for place in made.workspaces]
    fits = ids == environment["ids"] and made.version.endswith(f"-{made.sha256[:12]}")
    if not (ids and made.packages and fits and Image.parse(made.image).pinned == made.image):
        raise ValueError("image, name, version, definition and ids don't belong together")
    return made


def _text(value: object, pattern: str) -> str:
    """Return `value`, a text of that shape; raise ValueError for all else."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        raise ValueError(f"{str(value)[:40]!r} can't be there")
    return value


def _check_environment(arm: Arm, told: Told, place: Workspace) -> None:
    """Raise EnvironmentGone or EnvironmentChanged unless `place` has the environment as it was released.

    WorkspaceNotFound when there is no such workspace.
    """
    path = f"{place.id}/environments/{told.name}/versions/{quote(told.version, safe='')}"
    found = arm.find(path, place)
    properties = object_in((found or {}).get("properties"))
    if found is None:
        look.exists(arm, place)  # the answer is 404 as well when the workspace isn't there
    if found is None or properties.get("isArchived"):
        what = "is archived" if found else "isn't registered"
        raise EnvironmentGone(f"{told.reference} {what} on {place.name}.")
    try:
        spec = yaml.safe_load(str(properties.get("condaFile") or ""))
        same = digest(bare(spec) if told.stored else spec, Image.parse(told.image)) == told.sha256
    except (yaml.YAMLError, StepError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        same = False
    if not same or properties.get("image") != told.image:
        raise EnvironmentChanged(f"{told.reference} on {place.name} has another definition than the receipt.")


def _check_connection(arm: Arm, told: Told, place: Workspace) -> str:
    """Return the stored token's last day, if known; raise ConnectionGone or ConnectionConflict."""
    wanted = told.connection
    if wanted is None:
        return ""
    found = connections.find(wanted, place, WorkspaceState(look.connections(arm, place)))
    if not found or not wanted.covers(wanted.index):
        raise ConnectionGone(f"{place.name} has no connection {wanted.name} for {wanted.index}.")
    _, expires = connection_token.noted(object_in(found.get("metadata")))
    return expires


def _alarm(ends: Iterable[str], days: int | None, today: date, host: Terminal) -> None:
    """Warn of a stored token that has expired, or raise TokenEnds when no more than `days` are left.

    `ends` are the last days, one for each workspace, empty where it isn't known.
    """
    expires = min(filter(None, ends), default="")
    if not expires:
        return
    left = (date.fromisoformat(expires) - today).days
    when = "expires" if left >= 0 else "expired"
    message = f"The token that the workspace keeps to build images {when} on {expires}: {left} day(s) from today."
    if days is not None and left <= days:
        raise TokenEnds(message)
    if left < 0:
        host.warning(message)
