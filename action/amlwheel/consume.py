"""The companion of a training job: is what the receipt describes still there, and still the same? It only reads."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from . import credentials, hosts, http, inputs, plan, tokens, workspace
from .arm import Arm, object_in
from .environment import bare, digest
from .errors import BadReceipt, ConnectionGone, EnvironmentChanged, EnvironmentGone, StepError, TokenEnds
from .model import Connection, Image, Workspace
from .receipt import SCHEMA
from .secret import Secret

LARGEST = 2**22  # bytes of a receipt; a real one has a few thousand
# What a release writes (templates/aml-release.schema.json): these go into addresses, and into outputs, for shell lines.
NAME = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}"
VERSION = r"[0-9][0-9a-z.!+-]*"
ADDRESS = r"https?://[\w.:\[\]-]+(/[\w.,:/@+=!~%()-]*)?"


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
        """Return the environment's resource id on `place`."""
        return f"{place.id}/environments/{quote(self.name)}/versions/{quote(self.version, safe='')}"


def run(arguments: Sequence[str], environ: Mapping[str, str], host: hosts.Terminal) -> None:
    """Check a release, and hand its names to later steps; raise a StepError for everything that isn't as it was."""
    given = inputs.from_environment(environ, host.style, inputs.Consumed)
    given |= inputs.from_command_line(arguments, inputs.Consumed)
    for text in filter(None, (environ.get(name, "") for name in credentials.SECRETS)):
        host.mask(Secret(text), http.USER)
    asked = inputs.read_as(inputs.Consumed, given)
    with host.stage("Read the receipt") as done:
        told = read(Path(asked.receipt))
        done.append(told.reference)
    places = asked.workspace or told.workspaces
    with host.stage("Compare with Azure") as done:
        credential = credentials.find(environ, partial(host.mask, user=http.USER), asked.application)
        arm = Arm(credential, credentials.ARM_SCOPE)
        with plan.observing() as seen:
            for place in places:
                seen.ask(partial(_check_environment, arm, told, place))
            ends = [seen.ask(partial(_check_connection, arm, told, place)) for place in places if told.connection]
        done += [f"the same on {place.name}" for place in places]
    days = [day for future in ends if (day := future.result())]
    _alarm(min(days, default=""), asked.alarm_days, datetime.now(timezone.utc).date(), host)
    host.outputs(
        {  # receipt.CONSUME_OUTPUTS
            "environment": told.reference,
            "environment-id": "\n".join(told.id(place) for place in places),
            "environment-name": told.name,
            "environment-version": told.version,
            "package-name": "\n".join(name for name, _ in told.packages),
            "package-version": "\n".join(version for _, version in told.packages),
            "connection": told.connection.name if told.connection else "",
            "index-url": told.connection.index if told.connection else "",
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
        if not isinstance(said["schema"], int) or said["schema"] > SCHEMA:
            message = f"{path} is in format {said['schema']!r}, and this version reads up to {SCHEMA}."
            raise BadReceipt(message, fix="Use the version of amlwheel that wrote it, or a newer one.")
        if said.get("dry_run"):
            message = f"{path} is of a dry run, which released nothing."
            raise BadReceipt(message, fix="Use the receipt of a release.")
        return _told(said)
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}."
        raise BadReceipt(message) from None
    except StepError as error:
        raise (error if isinstance(error, BadReceipt) else BadReceipt(f"{path}: {error.what}")) from None
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        message = f"{path} isn't the receipt of a release ({type(error).__name__}: {str(error)[:80]})."
        raise BadReceipt(message) from None


def _told(said: Mapping[str, Any]) -> Told:
    """Take the parts; values that an input would take are read as that input, so nothing else gets further."""
    environment, feed, stored = said["environment"], said["feed"], said["connection"]
    connection = stored and Connection(
        _shaped(stored["name"], NAME), _shaped(stored["target"], ADDRESS), index=_shaped(feed["index_url"], ADDRESS)
    )
    made = Told(
        name=_shaped(environment["name"], NAME),
        version=_shaped(environment["version"], VERSION),
        image=str(environment["image"]),
        sha256=str(environment["definition_sha256"]),
        stored=said["route"] == "workspace",
        packages=tuple((_shaped(each["name"], NAME), _shaped(each["version"], VERSION)) for each in said["packages"]),
        workspaces=tuple(Workspace.parse(str(each).partition("/environments/")[0]) for each in environment["ids"]),
        connection=connection or None,
    )
    Image.parse(made.image)
    if not made.workspaces or not made.version.endswith(f"-{made.sha256[:12]}"):
        message = "name, version and definition don't belong together"
        raise ValueError(message)
    return made


def _shaped(text: object, pattern: str) -> str:
    """Return `text` if it is one and has the form; raise ValueError."""
    if not isinstance(text, str) or not re.fullmatch(pattern, text, re.ASCII):
        message = f"{text!r} is none that a release has"
        raise ValueError(message)
    return text


def _check_environment(arm: Arm, told: Told, place: Workspace) -> None:
    """Raise EnvironmentGone or EnvironmentChanged unless `place` has the environment as it was released."""
    found = arm.find(told.id(place), place)
    properties = object_in((found or {}).get("properties"))
    if found is None or properties.get("isArchived"):
        what = "is archived" if found else "isn't registered"
        message = f"{told.reference} {what} on {place.name}."
        raise EnvironmentGone(message)
    try:
        spec = yaml.safe_load(str(properties.get("condaFile") or ""))
        same = digest(bare(spec) if told.stored else spec, Image.parse(told.image)) == told.sha256
    except (yaml.YAMLError, StepError, ValueError, KeyError, TypeError, AttributeError):
        same = False
    if not same or properties.get("image") != told.image:
        message = f"{told.reference} on {place.name} has another definition than the receipt."
        raise EnvironmentChanged(message)


def _check_connection(arm: Arm, told: Told, place: Workspace) -> str:
    """Return the stored token's last day, if known; raise ConnectionGone or ConnectionConflict."""
    wanted = told.connection
    if wanted is None:
        return ""
    found = workspace.find(wanted, place, workspace.Seen(workspace.connections(arm, place)))
    if not found or not wanted.covers(wanted.index):
        message = f"{place.name} has no connection {wanted.name} for {wanted.index}."
        raise ConnectionGone(message)
    return str(object_in(found.get("metadata")).get(tokens.EXPIRES) or "")


def _alarm(expires: str, days: int | None, today: date, host: hosts.Terminal) -> None:
    """Warn of a stored token that has expired, or raise TokenEnds when no more than `days` are left."""
    try:
        left = (date.fromisoformat(expires) - today).days
    except ValueError:  # unknown, or somebody else's text
        return
    message = f"The token that the workspace keeps for the feed expires on {expires}: {left} days from today."
    if days is not None and left <= days:
        raise TokenEnds(message)
    if left < 0:
        host.warning(message)
