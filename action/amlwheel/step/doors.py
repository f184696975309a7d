"""How the resolver reaches the feed, where reading through it could save packages."""

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager

from ..environment.sources import Door
from ..feed import reading, relay
from ..feed.artifacts import Facts
from ..feed.index import Index
from ..feed.reading import Public, Reading
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model.wheel import Pin


def reading_of(
    inputs: Inputs, facts: Facts, environ: Mapping[str, str], host: Host
) -> AbstractContextManager[Reading | None]:
    """Return what answers for the feed while the lock is made; None where uv may ask the feed itself.

    It may where the feed has no upstream, and where it is asked for the names alone that were published to it.
    """
    feed = inputs.feed
    if not feed or not feed.is_artifacts or feed.view or facts.upstream is False:
        return contextlib.nullcontext()
    if not inputs.feed_only and facts.published is not None:
        return contextlib.nullcontext()
    made = Reading(
        Index(feed, inputs.feed_token),
        None,
        frozenset(),
        host.say,
        reader=Index(feed, inputs.connection_token, "connection-token") if inputs.connects else None,
        public=public_of(facts, environ),
        ours=facts.published or frozenset(),
        saves=not inputs.dry_run,
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
