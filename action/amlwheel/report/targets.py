"""What a run made of each workspace and registry, as data: for an output, the receipt and the summary."""

from collections.abc import Iterable
from typing import Any

from ..model.azure import Registry
from ..plan.change import Change
from .release import Release


def targets(release: Release, changes: Iterable[Change[Any]]) -> list[dict[str, Any]]:
    """Return an object for each target, in the order of the input; in a dry run `changed` is what would be."""
    environment = release.environment
    changed = {change.target for change in changes if change.changes}
    return [
        {
            **({"registry": each.name} if isinstance(each, Registry) else {"workspace": each.id}),
            "reference": each.reference(environment.name, environment.version),
            "changed": each.id in changed,
            "studio-url": each.studio(environment.name, environment.version),
        }
        for each in release.workspaces
    ]
