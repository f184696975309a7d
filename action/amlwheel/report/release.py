"""A release: all that one run has decided before its first effect."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ..model.advisory import NOT_AUDITED, Audit
from ..model.azure import Connection, Target, Workspace
from ..model.conda import NO_CONDA, Conda
from ..model.environment import Environment
from ..model.feed import Feed
from ..model.limit import NO_LIMIT, Limit
from ..model.source import Source
from ..model.wheel import Wheel


@dataclass(frozen=True)
class Release:
    """All that one run has decided before its first effect.

    `route` is the value of the input; `place` says for people where the wheels are stored. `wheels` are the project's
    own, then those built from source. `warnings` and `gaps` are about the lock, see `model.lock`; `limited` says what
    the `limit` of uploads holds for. `notes` say what was taken in another way than a team's files have it. `audit` is
    what was known of vulnerabilities during the run. `team_lock` is the file of the team's own lock, if it was used.
    `workspaces` are registries as well; `shard` says which part of a plan's these are, as `2/3`, empty for all of them.
    """

    route: str
    place: str
    source: Source
    wheels: tuple[Wheel, ...]
    feed: Feed | None
    connection: Connection | None
    workspaces: tuple[Target, ...]
    environment: Environment
    lock: str
    tools: Mapping[str, str]
    view: str = ""
    warnings: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    limit: Limit = NO_LIMIT
    limited: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    conda: Conda = NO_CONDA
    audit: Audit = NOT_AUDITED
    team_lock: str = ""
    shard: str = ""

    @property
    def own(self) -> tuple[Wheel, ...]:
        """The wheels of the project itself."""
        return tuple(wheel for wheel in self.wheels if not wheel.sdist)

    @property
    def reference(self) -> str:
        """The environment as jobs name it: on workspaces, and only without any in the first registry."""
        first = next((each for each in self.workspaces if isinstance(each, Workspace)), self.workspaces[0])
        return first.reference(self.environment.name, self.environment.version)

    @property
    def lock_sha256(self) -> str:
        """The sha256 (hex) of the lock's text."""
        return hashlib.sha256(self.lock.encode()).hexdigest()

    @property
    def published(self) -> bool:
        """Whether images get our wheels from the feed."""
        ours = {wheel.project for wheel in self.wheels}
        return any(pin.from_feed for pin in self.environment.pins if pin.name in ours)

    @property
    def reached_by(self) -> Connection | None:
        """The connection with which images get our wheels, from the feed or from git; None if they need no such."""
        from_git = any(pin.requirement for pin in self.environment.pins)
        return self.connection if self.published or from_git else None

    def tags(self) -> dict[str, str]:
        """Return the environment's tags: text only, and none that could hold a secret."""
        lead = self.wheels[0]
        tags = {
            "package": f"{lead.project} {lead.version}",
            "wheel-sha256": lead.sha256,
            "lock-sha256": self.lock_sha256,
            "repository": self.source.repository,
            "commit": self.source.commit,
            "tag": self.source.tag,
            "run": self.source.run,
        }
        return {key: value for key, value in tags.items() if value}
