"""The texts about a run for people: the plan as a table, the summary page, the last lines of the log."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from ..model.azure import Connection, Registry, Workspace
from ..model.differences import Comparison
from ..plan.change import Change
from . import audit, changed
from .markdown import cell as _cell
from .release import Release
from .targets import targets

DRY = "Nothing was changed. This is what a release would do:\n\n"


def table(changes: Sequence[Change[Any]]) -> list[str]:
    """Return the plan as lines of a plain table."""
    width = max(len(change.subject) for change in changes)
    return [f"{change.verb.value:<7} {change.subject:<{width}}  {change.why}" for change in changes]


def summary(
    release: Release, changes: Sequence[Change[Any]], compared: Sequence[Comparison] = (), *, dry_run: bool, proof: str
) -> str:
    """Return the summary page in Markdown. Texts from metadata are escaped."""
    environment = release.environment
    packages = "\n".join(
        f'    source --> wheel{number}["{_node(f"{wheel.project} {wheel.version}")}"] --> place'
        for number, wheel in enumerate(release.wheels)
    )
    commit = f"commit {release.source.commit[:12]}" if release.source.commit else "source"
    done = "Released" if any(change.changes for change in changes) else "Nothing to do"
    done = "Dry run" if dry_run else done
    done = f"Part {release.shard} of a plan: {done}" if release.shard else done
    return f"""\
## {done}: `{release.reference}`

```mermaid
flowchart LR
    source["{_node(commit)}"]
{packages}
    {_way(release)} --> environment["{_node(release.reference)}"]
    image["{_node(environment.image.repository)}"] --> environment
```

{DRY if dry_run else ""}{_plan(changes)}
{_workspaces(release, changes, dry_run=dry_run)}{_links(release, dry_run=dry_run)}
{changed.section(release, compared)}
{_contents(release, proof)}
{_about_lock(release)}{audit.summary(release.audit)}
{"" if dry_run else _use(release)}"""


def _use(release: Release) -> str:
    """Return how jobs use the environment, folded. A registry's is for any workspace; azureml-core knows none."""
    environment, reference = release.environment, release.reference
    shared = "".join(
        f"# from a registry: {each.reference(environment.name, environment.version)}\n"
        for each in release.workspaces
        if isinstance(each, Registry)
    )
    core = f"""\
```python
# azureml-core
environment = Environment.get(workspace, "{environment.name}", version="{environment.version}")
```
"""
    return f"""\
<details><summary>Use it</summary>

```yaml
# Azure ML CLI v2, in a job's YAML
environment: {reference}
{shared}```
```python
# azure-ai-ml
job = command(..., environment="{reference}")
```
{core if reference == environment.reference else ""}</details>
"""


def _links(release: Release, *, dry_run: bool) -> str:
    """Return a line of links to what the release consists of; in a dry run, to what is there already."""
    environment, source = release.environment, release.source
    found = [("this run", source.run)] if source.run else []
    if source.commit and source.repository.startswith("https://"):
        found = [(f"commit {source.commit[:12]}", f"{source.repository}/commit/{source.commit}"), *found]
    if not dry_run:
        feed = release.feed if release.published and release.feed and release.feed.is_artifacts else None
        packages = [(f"{each.project} in the feed", feed.web_page(each.project)) for each in release.wheels if feed]
        studio = [
            (f"environment on {each.label}", each.studio(environment.name, environment.version))
            for each in release.workspaces[:1]
            if len(release.workspaces) == 1
        ]
        found = [*studio, *packages, *found]
    if not found:
        return ""
    return "\nGo to: " + " · ".join(f"[{_cell(text)}]({quote(to, safe=':/?=%&')})" for text, to in found) + "\n"


def _workspaces(release: Release, changes: Sequence[Change[Any]], *, dry_run: bool) -> str:
    """Return a table of several workspaces: what became of each, and in no dry run the way there."""
    if len(release.workspaces) == 1:
        return ""
    told = {(True, True): "would change", (True, False): "changed"}
    rows = [
        f"| {_cell(each.label)} | {told.get((found['changed'], dry_run), 'kept')} | "
        + ("|" if dry_run else f"[environment]({quote(found['studio-url'], safe=':/?=%&')}) |")
        for each, found in zip(release.workspaces, targets(release, changes), strict=True)
    ]
    return "\n".join(["\n| workspace | | |", "|---|---|---|", *rows, ""])


def _contents(release: Release, proof: str) -> str:
    """Return a list of what the environment consists of, and what of it is proven; that has lines for a job below."""
    environment = release.environment
    python, (sentence, _, lines) = environment.base.python, proof.partition("\n")
    points = [
        *(f"{_cell(wheel.filename)}, sha256 `{wheel.sha256}`" for wheel in release.wheels),
        f"Python {python.exact}, {len(environment.pins)} packages locked by sha256 for {python.platform.why}",
        f"Image `{environment.image.pinned}`",
        *_elsewhere(release),
        *map(_cell, [*declared(release), *([sentence] if sentence else [])]),
    ]
    block = f"\n```yaml\n{lines}\n```\n" if lines else ""
    return "".join(f"- {point}\n" for point in points) + block


def longest(spent: Sequence[tuple[str, str, float]]) -> str:
    """Return what took longest (kind, name, seconds), folded."""
    rows = "".join(f"| {kind} | {_cell(name)} | {seconds:.1f} |\n" for kind, name, seconds in spent)
    head = "<details><summary>What took longest</summary>\n\n| | | seconds |\n|---|---|---|"
    return f"\n{head}\n{rows}\n</details>\n"


def connected(connection: Connection, changes: Sequence[Change[Any]], *, dry_run: bool) -> str:
    """Return the summary page of a run that only stores a token, in Markdown."""
    ends = f", last day {connection.token_expires}" if connection.token_expires else ""
    head = _cell(stored(connection, changes, dry_run=dry_run))
    return f"## {head}\n\nFor {_cell(connection.target)}{ends}.\n\n{_plan(changes)}\n"


def stored(connection: Connection, changes: Sequence[Change[Any]], *, dry_run: bool) -> str:
    """Return in a line where the token of a connection was stored."""
    done = "Dry run: would store" if dry_run else "Stored"
    count = sum(change.changes for change in changes)
    rest = "; the others have it" if count < len(changes) else ""
    return f"{done} the token of {connection.name} on {count} of {len(changes)} workspace(s){rest}"


def _plan(changes: Sequence[Change[Any]]) -> str:
    """Return the plan as a table."""
    rows = "\n".join(f"| {change.verb.value} | {_cell(change.subject)} | {_cell(change.why)} |" for change in changes)
    return f"| | plan | why |\n|---|---|---|\n{rows}"


def _about_lock(release: Release) -> str:
    """Return what is to be known about the lock: what needs attention, then folded what doesn't; empty without any."""
    warned = "".join(f"\n> **Warning:** {_cell(each)}\n" for each in release.warnings)
    listed = "".join(f"- {_cell(each)}\n" for each in release.gaps)
    notes = f"\n<details><summary>Newer releases that aren't used</summary>\n\n{listed}</details>\n" if listed else ""
    return warned + notes


def _elsewhere(release: Release) -> Iterator[str]:
    """Yield a line for each index beside the feed and the public one."""
    pins = release.environment.pins
    places = {pin.index: [each.name for each in pins if each.index == pin.index] for pin in pins if pin.index}
    yield from (f"From {_cell(place)}: {_cell(', '.join(names))}" for place, names in sorted(places.items()))


def declared(release: Release) -> list[str]:
    """Return what the environment has beside the lock of an index, and what of a team's files was taken otherwise."""
    by_address = [f"{pin.name} {pin.version} from {pin.url}" for pin in release.environment.pins if pin.url]
    conda = ", ".join(release.conda.lines)
    lock = [f"versions and sha256 by {release.team_lock}"] if release.team_lock else []
    packages = [f"conda packages: {conda} (channels: {', '.join(release.conda.channels)})"] if conda else []
    return [*lock, *packages, *by_address, *release.notes, *_of_registries(release), *release.limited]


def _of_registries(release: Release) -> list[str]:
    """Return what a workspace needs, before it can build the image of an environment that it has from a registry."""
    needs = [f"the connection {release.connection.name} (command connect)"] if release.connection else []
    needs += [f"Storage Blob Data Reader on {release.place} for its identity"] if release.route == "storage" else []
    if not needs or not any(isinstance(each, Registry) for each in release.workspaces):
        return []
    who = "A workspace that isn't named here, and has the environment from a registry,"
    return [f"{who} needs {' and '.join(needs)} before it builds the image"]


def _way(release: Release) -> str:
    """Return the middle of the picture: the place of the wheels, and the connection with which images get them."""
    place = f"feed {release.feed.name}" if release.feed and release.published else release.place
    picture = f'place["{_node(place)}"]'
    connection = release.reached_by
    return f'{picture} --> connection["connection {_node(connection.name)}"]' if connection else picture


def closing(release: Release, folder: str, *, dry_run: bool, changed: bool) -> list[str]:
    """Return the last lines of the log: what was released, where it is, and how to use it."""
    done = "Would release" if dry_run and changed else "Released" if changed else "Nothing to do for"
    where = "workspaces" if any(isinstance(each, Workspace) for each in release.workspaces) else "registries"
    part = f" (part {release.shard} of the plan)" if release.shard else ""
    return [
        f"{done} {release.reference}",
        f"  wheels      {', '.join(wheel.filename for wheel in release.wheels)} in {release.place}",
        f"  {where:<10}  {', '.join(each.label for each in release.workspaces)}{part}",
        f"  files       {folder}/",
        "  dry run     nothing was published or registered"
        if dry_run
        else f"  use it      environment: {release.reference}",
    ]


def _node(text: str) -> str:
    """Escape foreign text for a quoted Mermaid label: letters, digits and plain punctuation stay."""
    return "".join(letter if letter.isalnum() or letter in "._-/: " else "_" for letter in text)
