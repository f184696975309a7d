"""The effects of a run in their order, and what is done beside them."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..hosts.host import Host
from ..plan import observe
from ..plan.change import Change, apply
from .changes import Changes
from .fence import Fence

Run = Callable[[Sequence[Change[Any]]], None]


@dataclass(frozen=True)
class Applying:
    """The changes of one run."""

    host: Host
    fence: Fence
    changes: Changes

    def apply(self, fetch: Callable[[], str] | None) -> None:
        """Publish, connect, `fetch` our own wheels as the image builder will (None: nobody wants it), and register.

        They are fetched as soon as they are published, beside the connections, which a reader doesn't need.
        """
        fetched: Future[str] | None = None
        with self._stage("Publish and connect", self.changes.first) as run:
            run(self.changes.published)
            fetched = observe.in_background(fetch) if fetch else None
            run(self.changes.connections)
        if fetched:
            with self.host.stage("Fetch") as done:
                done.append(fetched.result() or "nothing to fetch")
        with self._stage("Register", self.changes.environments) as run:
            run(self.changes.environments)

    @contextlib.contextmanager
    def _stage(self, title: str, changes: Sequence[Change[Any]]) -> Iterator[Run]:
        """Yield what runs effects in order, in a stage that counts `changes`."""
        with self.host.stage(title) as done:
            self.fence.check()
            yield partial(apply, announce=self.host.begin, done=self.host.progress.end)
            count = sum(change.changes for change in changes)
            done.append(f"{count} changed" if count else "nothing to do")
