"""A release: everything that one run decided, known in full before the first effect."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ..model.azure import Connection, Workspace
from ..model.environment import Environment
from ..model.feed import Feed
from ..model.source import Source
from ..model.wheel import Wheel


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
