"""The receipt, `aml-release.json`: the release as data."""

import hashlib
from collections.abc import Sequence
from typing import Any

from ..model.azure import Workspace
from ..model.differences import Comparison
from ..model.environment import digest
from ..plan.change import Change
from . import audit, changed
from .release import Release
from .targets import targets

SBOM = "sbom.cdx.json"
SCHEMA = 2  # version of the receipt's format; templates/aml-release.schema.json


def receipt(
    release: Release, changes: Sequence[Change[Any]], compared: Sequence[Comparison] = (), *, dry_run: bool, sbom: str
) -> dict[str, Any]:
    """Return the receipt as JSON data, valid by templates/aml-release.schema.json; `sbom` is the text of the SBOM."""
    environment, feed, connection = release.environment, release.feed, release.connection
    return {
        "schema": SCHEMA,
        "route": release.route,
        "source": {
            "repository": release.source.repository,
            "commit": release.source.commit,
            "tag": release.source.tag,
            "dirty": release.source.dirty,
        },
        "packages": [
            {
                "name": wheel.project,
                "version": str(wheel.version),
                "wheel": wheel.filename,
                "sha256": wheel.sha256,
            }
            for wheel in release.own
        ],
        **_from_source(release),
        "feed": feed
        and {"name": feed.label, "index_url": feed.index_url, **({"view": release.view} if release.view else {})},
        **_storage(release),
        "connection": connection
        and {
            "name": connection.name,
            "target": connection.target,
            **({"category": connection.category} if connection.category != "PythonFeed" else {}),
            **({"token_expires": connection.token_expires} if connection.token_expires else {}),
        },
        "environment": {
            "name": environment.name,
            "version": environment.version,
            "reference": release.reference,
            "image": environment.image.pinned,
            "image_tag": environment.image.tag,
            "python": release.environment.base.python.exact,
            "definition_sha256": digest(environment.spec, environment.image),
            "ids": [
                f"{workspace.id}/environments/{environment.name}/versions/{environment.version}"
                for workspace in release.workspaces
                if isinstance(workspace, Workspace)
            ],
            **({"conda": [*release.conda.lines]} if release.conda.packages else {}),
        },
        "lock": {
            "sha256": release.lock_sha256,
            "packages": len(release.environment.pins),
            **({"file": release.team_lock} if release.team_lock else {}),
            **_by_address(release),
        },
        "exclude_newer": {"time": release.limit.text or None, "told": list(release.limited)},
        **({"warnings": list(release.warnings)} if release.warnings else {}),
        "sbom": {"file": SBOM, "sha256": hashlib.sha256(sbom.encode()).hexdigest()},
        "tools": dict(release.tools),
        **audit.receipt(release.audit),
        "plan": [{"verb": each.verb.value, "subject": each.subject, "why": each.why} for each in changes],
        **({"shard": release.shard} if release.shard else {}),
        **({"changes": changed.data(release, compared)} if compared else {}),
        "environments": targets(release, changes),
        "run": {"url": release.source.run} if release.source.run else None,
        "dry_run": dry_run,
    }


def _from_source(release: Release) -> dict[str, Any]:
    """Return what was built from sdists and commits; nothing without any."""
    built = [
        {
            "name": wheel.project,
            "version": str(wheel.version),
            "wheel": wheel.filename,
            "sha256": wheel.sha256,
            "source": {"url": wheel.sdist.url, **({"sha256": wheel.sdist.sha256} if wheel.sdist.sha256 else {})},
        }
        for wheel in release.wheels
        if wheel.sdist
    ]
    return {"from_source": built} if built else {}


def _by_address(release: Release) -> dict[str, Any]:
    """Return the wheels that images get by their addresses; nothing without any."""
    pins = [pin for pin in release.environment.pins if pin.url]
    found = [{"name": pin.name, "version": pin.version, "url": pin.url, "sha256": pin.sha256[0]} for pin in pins]
    return {"by_address": found} if found else {}


def _storage(release: Release) -> dict[str, Any]:
    """Return what the container holds: our wheels, or all that images are built from; nothing without a container."""
    pins = [pin for pin in release.environment.pins if pin.address]
    wheels = [{"name": pin.name, "version": pin.version, "url": pin.address, "sha256": pin.sha256[0]} for pin in pins]
    mirror = len(pins) == len(release.environment.pins)
    return {"storage": {"container": release.place, "mirror": mirror, "wheels": wheels}} if pins else {}
