"""What a release was: the receipt for machines (`aml-release.json`) and the summary page for people.

The receipt describes the release, for consumers and auditors; two runs of one commit write the same, but for what is
said of the run itself: `plan`, `run` and `dry_run`, its last parts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .model.azure import Connection, Workspace
from .model.environment import Environment, digest
from .model.feed import Feed
from .model.source import Source
from .model.wheel import Wheel
from .plan.change import Change

SBOM = "sbom.cdx.json"
SCHEMA = 2  # version of the receipt's format; templates/aml-release.schema.json


@dataclass(frozen=True)
class Release:
    """Everything that one run decided: the result, known in full before the first effect.

    `route` is the input's word; `place` says for people where the wheels lie.
    """

    route: str
    place: str
    source: Source
    wheels: tuple[Wheel, ...]
    feed: Feed | None
    connection: Connection | None
    workspaces: tuple[Workspace, ...]
    environment: Environment
    lock: str
    tools: Mapping[str, str]
    view: str = ""

    @property
    def lock_sha256(self) -> str:
        """The sha256 (hex) of the lock's text."""
        return hashlib.sha256(self.lock.encode()).hexdigest()

    def tags(self) -> dict[str, str]:
        """Return the environment's tags: text only, and nothing that a secret could be in."""
        lead = self.wheels[0]
        found = {
            "package": f"{lead.project} {lead.version}",
            "wheel-sha256": lead.sha256,
            "lock-sha256": self.lock_sha256,
            "repository": self.source.repository,
            "commit": self.source.commit,
            "tag": self.source.tag,
            "run": self.source.run,
        }
        return {key: value for key, value in found.items() if value}


def receipt(release: Release, changes: Sequence[Change[Any]], *, dry_run: bool, sbom: str) -> dict[str, Any]:
    """Return the receipt as JSON data, valid by templates/aml-release.schema.json; `sbom` is the SBOM's text."""
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
            for wheel in release.wheels
        ],
        "feed": feed
        and {"name": feed.label, "index_url": feed.index_url, **({"view": release.view} if release.view else {})},
        **({"storage": _stored(release)} if release.route == "storage" else {}),
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
            "reference": environment.reference,
            "image": environment.image.pinned,
            "image_tag": environment.image.tag,
            "python": release.environment.base.python.exact,
            "definition_sha256": digest(environment.spec, environment.image),
            "ids": [
                f"{workspace.id}/environments/{environment.name}/versions/{environment.version}"
                for workspace in release.workspaces
            ],
        },
        "lock": {"sha256": release.lock_sha256, "packages": len(release.environment.pins)},
        "sbom": {"file": SBOM, "sha256": hashlib.sha256(sbom.encode()).hexdigest()},
        "tools": dict(release.tools),
        "plan": [{"verb": each.verb.value, "subject": each.subject, "why": each.why} for each in changes],
        "run": {"url": release.source.run} if release.source.run else None,
        "dry_run": dry_run,
    }


def _stored(release: Release) -> dict[str, Any]:
    """Return what lies in the container: our wheels, or everything that images are built from."""
    pins = [pin for pin in release.environment.pins if pin.address]
    wheels = [{"name": pin.name, "version": pin.version, "url": pin.address, "sha256": pin.sha256[0]} for pin in pins]
    return {"container": release.place, "mirror": len(pins) == len(release.environment.pins), "wheels": wheels}


def outputs(release: Release, folder: str, *, changed: bool) -> dict[str, str]:
    """Return the step's outputs by name; with several packages those about packages have a line each."""
    environment = release.environment
    return {
        "package-name": "\n".join(wheel.project for wheel in release.wheels),
        "package-version": "\n".join(str(wheel.version) for wheel in release.wheels),
        "wheel": "\n".join(f"{folder}/dist/{wheel.filename}" for wheel in release.wheels),
        "wheel-sha256": "\n".join(wheel.sha256 for wheel in release.wheels),
        "index-url": release.feed.index_url if release.feed else "",
        "connection": release.connection.name if release.connection else "",
        "environment": environment.reference,
        "environment-name": environment.name,
        "environment-version": environment.version,
        "environment-file": f"{folder}/environment.yml",
        "conda-file": f"{folder}/conda.yml",
        "lock-file": f"{folder}/requirements.lock",
        "receipt": f"{folder}/aml-release.json",
        "changed": "true" if changed else "false",
    }


OUTPUTS = {
    "package-name": "Name of the package; a line each for several.",
    "package-version": "Version of the package; a line each for several.",
    "wheel": "Path of the wheel; a line each for several.",
    "wheel-sha256": "sha256 of the wheel in hex; a line each for several.",
    "index-url": "Address of the feed's simple index, without a credential; empty without a feed.",
    "connection": "Name of the connection on the workspace; empty without one.",
    "environment": "The environment as jobs name it: `azureml:NAME:VERSION`.",
    "environment-name": "Name of the environment.",
    "environment-version": "Version of the environment.",
    "environment-file": "Path of the environment asset, for `az ml environment create -f`.",
    "conda-file": "Path of the conda specification.",
    "lock-file": "Path of the hashed lock.",
    "receipt": "Path of the receipt, `aml-release.json`.",
    "changed": "`true` when the run changed anything outside, or would have in a dry run; else `false`.",
}

# Of the companion that reads a receipt; see `consume`.
CONSUME_OUTPUTS = {
    "environment": "The environment as jobs name it: `azureml:NAME:VERSION`.",
    "environment-id": "Its resource id; a line for each workspace.",
    "environment-name": "Name of the environment.",
    "environment-version": "Version of the environment.",
    "package-name": "Name of the package; a line each for several.",
    "package-version": "Version of the package; a line each for several.",
    "connection": "Name of the connection on the workspace; empty without one.",
    "index-url": "Address of the feed's simple index; empty without a feed.",
}


def table(changes: Sequence[Change[Any]]) -> list[str]:
    """Return the plan as lines of a plain table."""
    width = max(len(change.subject) for change in changes)
    return [f"{change.verb.value:<7} {change.subject:<{width}}  {change.why}" for change in changes]


def summary(release: Release, changes: Sequence[Change[Any]], *, dry_run: bool, proof: str) -> str:
    """Return the summary page in Markdown. Texts from metadata are escaped."""
    environment = release.environment
    rows = "\n".join(f"| {change.verb.value} | {_cell(change.subject)} | {_cell(change.why)} |" for change in changes)
    wheels = "\n".join(f"| {_cell(wheel.filename)} | `{wheel.sha256}` |" for wheel in release.wheels)
    packages = "\n".join(
        f'    source --> wheel{number}["{_node(f"{wheel.project} {wheel.version}")}"] --> place'
        for number, wheel in enumerate(release.wheels)
    )
    commit = f"commit {release.source.commit[:12]}" if release.source.commit else "source"
    done = "Released" if any(change.changes for change in changes) else "Nothing to do for"
    done = "Planned, nothing changed (dry run)" if dry_run else done
    name, version = environment.name, environment.version
    return f"""\
## {done}: `{environment.reference}`

```mermaid
flowchart LR
    source["{_node(commit)}"]
{packages}
    {_way(release)} --> environment["{_node(environment.reference)}"]
    image["{_node(environment.image.repository)}"] --> environment
```

| | plan | why |
|---|---|---|
{rows}

| wheel | sha256 |
|---|---|
{wheels}

Python {environment.base.python.exact}, {len(environment.pins)} packages locked by sha256, image
`{environment.image.pinned}`.
{_cell(proof)}

<details><summary>Use it</summary>

```yaml
# Azure ML CLI v2, in a job's YAML
environment: {environment.reference}
```
```python
# azure-ai-ml
job = command(..., environment="{environment.reference}")
```
```python
# azureml-core
environment = Environment.get(workspace, "{name}", version="{version}")
```
</details>
"""


def _way(release: Release) -> str:
    """Return the middle of the picture: where the wheels went, and by what the image builder gets at them."""
    if release.route == "git" and release.connection:
        return f'place["{_node(release.place)}"] --> connection["connection {_node(release.connection.name)}"]'
    if release.route != "feed" or not release.feed or not release.connection:
        return f'place["{_node(release.place)}"]'
    feed, connection = _node(release.feed.name), _node(release.connection.name)
    return f'place["feed {feed}"] --> connection["connection {connection}"]'


def closing(release: Release, folder: str, *, dry_run: bool, changed: bool) -> list[str]:
    """Return the last lines of the log: what, where, and how to use it."""
    environment = release.environment
    done = "Would release" if dry_run and changed else "Released" if changed else "Nothing to do for"
    return [
        f"{done} {environment.reference}",
        f"  wheels      {', '.join(wheel.filename for wheel in release.wheels)} in {release.place}",
        f"  workspaces  {', '.join(workspace.name for workspace in release.workspaces)}",
        f"  files       {folder}/",
        "  dry run     nothing was published or registered"
        if dry_run
        else f"  use it      environment: {environment.reference}",
    ]


def _cell(text: str) -> str:
    """Escape foreign text for a cell of a Markdown table."""
    return escape(text.replace("\n", " ")).replace("|", "&#124;").replace("`", "&#96;").replace("[", "&#91;")


def _node(text: str) -> str:
    """Escape foreign text for a quoted Mermaid label: letters, digits and plain punctuation stay."""
    return "".join(letter if letter.isalnum() or letter in "._-/: " else "_" for letter in text)
