"""Check before a training job that a release is still as its receipt describes it; nothing is changed."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .errors.base import StepError
from .errors.consume import (
    BadReceipt,
    ConnectionGone,
    EnvironmentChanged,
    EnvironmentGone,
    ReceiptAltered,
    TokenEnds,
)
from .errors.workspace import ConnectionConflict
from .hosts.host import Host
from .inputs import reading
from .inputs.consumed import Consumed
from .model import bounded_yaml, connection_token
from .model.azure import Connection, Registry, Target, Workspace
from .model.environment import Image, bare, digest
from .plan import observe
from .report.receipt import SCHEMA
from .report.released import ReleasedEnvironment, ReleasedPackage
from .sign_in import detectors, masks
from .sign_in.credential import ARM_SCOPE
from .transport import http
from .transport.arm import Arm, Json, object_in
from .workspace import connections, look, registry
from .workspace.look import WorkspaceState

LARGEST = 2**22  # bytes of a receipt; a real one has a few thousand
# The parts' patterns, as in templates/aml-release.schema.json: they become outputs and parts of addresses.
_ENVIRONMENT, _RELEASED = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}", r"[0-9][0-9a-z.+-]*-[0-9a-f]{12}"
_PACKAGE, _VERSION = r"[a-z0-9]+(-[a-z0-9]+)*", r"[0-9][0-9a-z.!+]*"
_CONNECTION = _REGISTRY = r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}"
_SHA256 = r"[0-9a-f]{64}"
_WHEEL, _ROUTE = r"[\w.+!-]+\.whl", "feed|workspace|storage|git"
_ELSEWHERE = (
    "Somebody changed or added a connection after the release, so image builds would read another feed, or send "
    "another token. Existing images still work, but new ones can't be built."
)
_NEVER_STORED = "The release isn't for this workspace, and only the workspaces of a release get its connection."
_STORE = "Run the step with `command` connect and this workspace in `workspace`: it stores the connection."
_PUT_BACK = "Ask whoever manages the workspace to delete that connection, and run the release again: it stores its own."
_UNASKED = (
    "Nobody has looked for the connection {}, which images need: `workspace` names registries alone. Name in it the "
    "workspaces whose jobs use the environment, too."
)
_ADDRESS = r"https?://[\w.:-]+(/[\w.~%!()+,=:@/-]*)?"


def run(arguments: Sequence[str], environ: Mapping[str, str], host: Host) -> None:
    """Check a release, and hand its names to later steps; raise a StepError if anything is missing or has changed."""
    given = reading.from_environment(environ, host.style, Consumed)
    given |= reading.from_command_line(arguments, Consumed)
    masks.mask(host, given, environ)
    inputs = reading.read_consumed(given)
    with host.stage("Read the receipt") as done:
        released = read(Path(inputs.receipt))
        done.append(released.reference)
    targets, workspaces = _places(released, inputs)
    with host.stage("Compare with Azure") as done:
        credential = detectors.find(environ, partial(host.mask, user=http.USER), inputs.application)
        arm = Arm(credential, ARM_SCOPE)
        with observe.observing() as observer:
            for each in targets:
                observer.ask(partial(_check_environment, arm, released, each))
            expiry = [observer.ask(partial(_check_connection, arm, released, each)) for each in workspaces]
        done += [f"the same on {each.label}" for each in targets]
    if released.connection and not workspaces:
        host.warning(_UNASKED.format(released.connection.name))
    _check_expiry(observe.results(expiry), inputs.alarm_days, datetime.now(timezone.utc).date(), host)
    host.outputs(_outputs(released, targets))
    where = ", ".join(each.label for each in targets)
    host.summary(f"`{released.named(targets[0])}` is as it was released, on {where}.\n")


def _places(released: ReleasedEnvironment, inputs: Consumed) -> tuple[Sequence[Target], Sequence[Workspace]]:
    """Return what must have the environment, and the workspaces that must have its connection; raise BadReceipt.

    A registry gives all workspaces its environments, and images of its own: so it is never taken from a receipt alone.
    """
    registries = [each for each in inputs.workspace if isinstance(each, Registry)]
    if released.registry and not registries:
        raise BadReceipt(
            f"It is of a release to {released.registry.label} and to no workspace, and `workspace` names no registry.",
            cause="A receipt alone doesn't decide which registry is trusted: that has to be named.",
            fix=f"Name in `workspace` {released.registry.id}, and in further lines the workspaces whose jobs use it.",
        )
    named = [each for each in inputs.workspace if isinstance(each, Workspace)]
    workspaces = named if inputs.workspace else released.workspaces
    return registries or workspaces, workspaces


def _outputs(released: ReleasedEnvironment, targets: Sequence[Target]) -> dict[str, str]:
    """Return the outputs, which receipt.CONSUME_OUTPUTS describes."""
    connection = released.connection
    return {
        "environment": released.named(targets[0]),
        "environment-id": "\n".join(map(released.id, targets)),
        "environment-name": released.name,
        "environment-version": released.version,
        "package-name": "\n".join(each.name for each in released.packages),
        "package-version": "\n".join(released.versions),
        "connection": connection.name if connection else "",
        "index-url": released.index,
    }


def read(path: Path) -> ReleasedEnvironment:
    """Read a receipt, which is foreign text; raise BadReceipt for everything else than the receipt of a release.

    Older formats have all parts that are needed here; a newer format may give them another meaning.
    """
    try:
        with path.open("rb") as file:
            receipt = json.loads(file.read(LARGEST))
        if type(receipt["schema"]) is not int or not 0 < receipt["schema"] <= SCHEMA:
            raise BadReceipt(
                f"{path} is in format {str(receipt['schema'])[:20]}, and this version reads 1 to {SCHEMA}.",
                fix="Use the version of amlwheel that wrote it, or a newer one.",
            )
        if receipt.get("dry_run"):
            raise BadReceipt(f"{path} is from a dry run, which released nothing.", fix="Use the receipt of a release.")
        return _released(receipt)
    except OSError as error:
        raise BadReceipt(f"{path} can't be read: {error.strerror}.") from None
    except StepError as error:
        raise (error if isinstance(error, BadReceipt) else BadReceipt(f"{path}: {error.what[:300]}")) from None
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise BadReceipt(
            f"{path} isn't the receipt of a release ({type(error).__name__}: {str(error)[:80]})."
        ) from None


def _released(receipt: Mapping[str, Any]) -> ReleasedEnvironment:
    """Return the parts of a receipt, each of which must match its pattern; raise what `read` catches."""
    environment, feed, connection = receipt["environment"], receipt["feed"], receipt["connection"]
    source = receipt.get("source") or {}
    shared = None if environment["ids"] else re.match("azureml://registries/([^/]+)/", environment["reference"])
    released = ReleasedEnvironment(
        name=_text(environment["name"], _ENVIRONMENT),
        version=_text(environment["version"], _RELEASED),
        image=str(environment["image"]),
        sha256=_text(environment["definition_sha256"], _SHA256),
        route=_text(receipt["route"], _ROUTE),
        code=f"{source.get('repository')}@{source.get('commit')}",
        fed=feed is not None,
        packages=tuple(map(_package, receipt["packages"])),
        workspaces=tuple(Workspace.parse(str(each).partition("/environments/")[0]) for each in environment["ids"]),
        connection=Connection(
            _text(connection["name"], _CONNECTION),
            _text(connection["target"], _ADDRESS),
            _text(connection.get("category", "PythonFeed"), "PythonFeed|Git"),
            # Images from a commit need no feed: the connection is the repository's.
            _text(receipt["source"]["repository"] if "category" in connection else feed["index_url"], _ADDRESS),
        )
        if connection
        else None,
        registry=Registry(_text(shared[1], _REGISTRY)) if shared else None,
    )
    ids = [released.id(each) for each in released.workspaces]
    fits = bool(ids or shared) and ids == environment["ids"] and released.reference == environment["reference"]
    fits = fits and released.version.endswith(f"-{released.sha256[:12]}")
    if not (released.packages and fits and Image.parse(released.image).pinned == released.image):
        raise ValueError("image, name, version, reference, definition and ids don't belong together")
    return released


def _package(said: Mapping[str, Any]) -> ReleasedPackage:
    patterns = {"name": _PACKAGE, "version": _VERSION, "wheel": _WHEEL, "sha256": _SHA256}
    return ReleasedPackage(**{key: _text(said[key], pattern) for key, pattern in patterns.items()})


def _text(value: object, pattern: str) -> str:
    """Return `value` if it is a text that matches `pattern`; raise ValueError otherwise."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        raise ValueError(f"{str(value)[:40]!r} is an invalid value")
    return value


def _check_environment(arm: Arm, released: ReleasedEnvironment, target: Target) -> None:
    """Raise EnvironmentGone or EnvironmentChanged unless `target` has the environment as it was released.

    Raises ReceiptAltered if the receipt says of it what isn't registered, and WorkspaceNotFound without the target.
    """
    registered, reference = _registered(arm, released, target), released.named(target)
    properties = object_in((registered or {}).get("properties"))
    if registered is None or properties.get("isArchived"):
        problem = "is archived" if registered else "isn't registered"
        raise EnvironmentGone(f"{reference} {problem} on {target.label}.")
    spec = _read(properties.get("condaFile"), released)
    if properties.get("image") != released.image or spec is None:
        raise EnvironmentChanged(f"{reference} on {target.label} has another definition than the receipt.")
    misfit = released.misfit(spec)
    if misfit:
        raise ReceiptAltered(f"The receipt names {misfit[:300]}; {reference} on {target.label} doesn't.")


def _registered(arm: Arm, released: ReleasedEnvironment, target: Target) -> Json | None:
    """Return the environment's version as `target` shows it; None when it isn't there."""
    part = f"environments/{released.name}/versions/{quote(released.version, safe='')}"
    if isinstance(target, Registry):
        place = registry.find(arm, target)
        return registry.made(place.arm.find(f"{place.root}/{part}", target))
    registered = arm.find(f"{target.id}/{part}", target)
    if registered is None:
        look.exists(arm, target)  # without the workspace the answer is 404 as well
    return registered


def _read(conda: object, released: ReleasedEnvironment) -> Any:  # noqa: ANN401  # YAML
    """Return a registered conda file, which is foreign text, as data; None unless it has the digest of the receipt."""
    try:
        spec = bounded_yaml.load(str(conda or ""))
        same = digest(bare(spec) if released.stored else spec, Image.parse(released.image)) == released.sha256
    except (bounded_yaml.ERROR, StepError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return spec if same else None


def _check_connection(arm: Arm, released: ReleasedEnvironment, workspace: Workspace) -> str:
    """Return the stored token's last day, if known; raise ConnectionGone, also for one that leads elsewhere."""
    needed = released.connection
    if needed is None:
        return ""
    try:
        stored = connections.find(needed, workspace, WorkspaceState(look.connections(arm, workspace)))
    except ConnectionConflict as error:
        raise ConnectionGone(error.what, cause=_ELSEWHERE, fix=_PUT_BACK) from None
    if not stored or not needed.covers(needed.index):
        missing = ConnectionGone(f"{workspace.name} has no connection {needed.name} for {needed.index}.")
        if released.id(workspace) not in map(released.id, released.workspaces):
            missing.cause, missing.fix = _NEVER_STORED, _STORE
        raise missing
    _, expires = connection_token.noted(object_in(stored.get("metadata")))
    return expires


def _check_expiry(last_days: Iterable[str], days: int | None, today: date, host: Host) -> None:
    """Warn if a stored token has expired; raise TokenEnds if `days` days or fewer are left.

    `last_days` has the last day of each workspace's token, empty if it isn't known.
    """
    expires = min(filter(None, last_days), default="")
    if not expires:
        return
    left = (date.fromisoformat(expires) - today).days
    when = "expires" if left >= 0 else "expired"
    message = f"The token that the workspace stores to build images {when} on {expires}: {left} day(s) from today."
    if days is not None and left <= days:
        raise TokenEnds(message)
    if left < 0:
        host.warning(message)
