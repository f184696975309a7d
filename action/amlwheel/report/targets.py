"""What a run made of each workspace, as data: for the output `environments`, the receipt and the summary."""

from collections.abc import Iterable
from typing import Any

from ..plan.change import Change
from .release import Release


def targets(release: Release, changes: Iterable[Change[Any]]) -> list[dict[str, Any]]:
    """Return an object for each workspace, in the order of the input; in a dry run `changed` is what would be."""
    environment = release.environment
    changed = {change.target for change in changes if change.changes}
    return [
        {
            "workspace": each.id,
            "reference": environment.reference,
            "changed": each.id in changed,
            "studio-url": each.studio(environment.name, environment.version),
        }
        for each in release.workspaces
    ]
