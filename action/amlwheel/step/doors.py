"""What the feed is asked and told beside our own wheels: by the resolver, for a view, and what it saves."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from ..environment.sources import Door
from ..feed import promote, reading, relay, upstream
from ..feed.artifacts import Facts
from ..feed.index import Index
from ..feed.reading import Public, Reading
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model.wheel import Pin
from ..plan.change import Change
from ..report.release import Release


def needed(inputs: Inputs, facts: Facts) -> bool:
    """Tell whether uv may not ask the feed itself, since that would save what it looks at.

    It may where the feed has no upstream, and where it is asked for the names alone that were published to it.
    """
    feed = inputs.feed
    if not feed or not feed.is_artifacts or feed.view or facts.upstream is False:
        return False
    return inputs.feed_only or facts.published is None


def reading_of(
    inputs: Inputs, facts: Facts, environ: Mapping[str, str], host: Host
) -> AbstractContextManager[Reading | None]:
    """Return what answers for the feed while the lock is made; None where uv may ask the feed itself."""
    feed = inputs.feed
    if not (feed and needed(inputs, facts)):
        return contextlib.nullcontext()
    made = Reading(
        Index(feed, inputs.feed_token),
        None,
        frozenset(),
        host.say,
        reader=Index(feed, inputs.connection_token, "connection-token") if inputs.connects else None,
        public=public_of(facts, environ),
        ours=facts.published or frozenset(),
        saves=None if inputs.dry_run else host.saves,
    )
    return reading.serve(made)


def door(made: Reading | None, environ: Mapping[str, str]) -> Door | None:
    """Return the address at which uv asks, and what it needs to know."""
    return Door(made.url, relay.past_proxies(environ), made.original) if made else None


def public_of(facts: Facts, environ: Mapping[str, str]) -> Public | None:
    """Return the public index, where the names that the feed didn't publish are public for sure."""
    return Public.of(environ) if facts.public and facts.published is not None else None


def elsewhere(public: Public | None, pin: Pin) -> bool:
    """Tell whether the public index has every file of `pin`, by sha256."""
    return public is not None and all(public.address(pin.name, each) for each in pin.sha256)


def promotions(
    inputs: Inputs, facts: Facts, release: Release, warn: Callable[[str], None]
) -> Iterator[Callable[[], Change[Any]]]:
    """Yield the question of each wheel whether the view has it already."""
    if inputs.feed and inputs.feed.is_artifacts and inputs.view:
        index, view = Index(inputs.feed, inputs.feed_token), facts.spelled(inputs.view)
        for each in release.wheels:
            yield partial(promote.plan, index, view, each, warn)


def saving(
    inputs: Inputs, facts: Facts, release: Release, environ: Mapping[str, str]
) -> Iterator[Callable[[], Change[frozenset[str]]]]:
    """Yield the question which packages of its upstreams the feed has to save, where images get all from it."""
    through = inputs.feed_only and inputs.connects and facts.upstream is not False
    if inputs.feed and inputs.feed.is_artifacts and through:
        index = Index(inputs.feed, inputs.feed_token)
        own = {each.project for each in release.wheels}
        pins = [pin for pin in release.environment.pins if pin.name not in own and not pin.url]
        reader = Index(inputs.feed, inputs.connection_token, "connection-token")
        yield partial(upstream.plan, index, reader, pins, partial(elsewhere, public_of(facts, environ)))
