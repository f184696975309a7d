"""The way of a feed: our wheels are published to it, and images are built from its index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from typing_extensions import override

from ..feed import publish, read_back
from ..feed.index import Index
from ..hosts.host import Host
from ..model.azure import Workspace
from ..model.feed import Feed
from ..model.secret import Secret
from ..model.wheel import Wheel
from ..plan.observe import observing
from .route import Plan, Route


@dataclass(frozen=True)
class FeedRoute(Route):
    """The wheels are published to the feed itself, never to a view; images are built from its index.

    It finds them by name and version, and the proof reads it as the image builder does.
    """

    feed: Feed
    token: Secret
    host: Host
    publishes: ClassVar[bool] = True

    @property
    @override
    def label(self) -> str:
        return self.feed.label

    @override
    def refuse(self, wheel: Wheel) -> None:
        publish.refuse_unpublishable(wheel, self.feed)

    @override
    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        del workspaces
        for each in wheels:
            yield partial(publish.plan, Index(self.feed, self.token).through(None), each, self.host.warning)

    @override
    def fetch(self, wheels: Sequence[Wheel], reader: Secret) -> str:
        """Fetch them as the image builder does; the token that publishes may see more."""
        index = Index(self.feed, reader, "connection-token")
        with observing() as observer:
            for each in wheels:
                observer.ask(partial(read_back.fetch, index, each))
        return f"{len(wheels)} from {self.feed.label} with the workspace's token"
