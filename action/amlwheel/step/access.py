"""What has to be true outside before anything is made: all of it is asked at once, and nothing is changed."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..build import project, wheel
from ..environment import image
from ..errors.base import StepError
from ..errors.feed import FeedNotFound
from ..errors.storage import ContainerPublic, ContainerRefused
from ..feed import artifacts
from ..feed import index as feed
from ..feed.artifacts import Facts
from ..git import remote
from ..git.remote import Remote
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model import connection_token
from ..model.azure import Connection, Container
from ..model.environment import Image
from ..model.feed import Feed
from ..plan import observe
from ..plan.observe import Observer
from ..routes import choose, commit
from ..routes.choose import Found
from ..routes.route import Route
from ..sign_in import detectors
from ..sign_in.credential import ARM_SCOPE
from ..storage import roles
from ..storage.blobs import Blobs
from ..transport import http
from ..transport.arm import Arm
from ..workspace import connections, look
from ..workspace.arm import ArmSdk
from ..workspace.azureml.process import Worker
from ..workspace.azureml.sdk import Core
from ..workspace.look import WorkspaceState
from ..workspace.planner import Planner


@dataclass(frozen=True)
class World:
    """What was seen outside before anything was made. `workspaces` run parallel to the input's.

    `worker` is azureml-core, where it is needed. `connection` is the feed's or the repository's, with its token's last
    day, if the user or one of the workspaces knows it. `source` is what images are built from with `route: git`.
    """

    planner: Planner
    worker: Worker | None
    route: Route
    image: Image
    facts: Facts
    workspaces: tuple[WorkspaceState, ...]
    connection: Connection | None
    source: Remote | None = None


@dataclass(frozen=True)
class Access:
    """The questions of one run; its fields are those of `stages.Stages`."""

    inputs: Inputs
    environ: Mapping[str, str]
    host: Host
    now: datetime

    def check(self, done: list[str]) -> World:
        """Probe feed, tokens, workspaces and image; every problem is reported in one run. `done` gets what was seen."""
        inputs, host = self.inputs, self.host
        found = (
            remote.locate(inputs.git_repository, inputs.package_dir, self.environ) if inputs.route == "git" else None
        )
        credential = detectors.find(self.environ, partial(host.mask, user=http.USER), inputs.application)
        worker = Worker(credential, inputs.workspace) if inputs.azureml else None  # so early that nobody waits for it
        arm = Arm(credential, ARM_SCOPE)
        with observe.observing() as seen:
            index = self._look_at(inputs.feed, seen) if inputs.feed else None
            if found:
                seen.ask(partial(commit.refuse_credentials, self.environ))
                seen.ask(partial(remote.check, found, inputs.connection_token))
            for each in inputs.workspace:
                seen.ask(partial(look.exists, arm, each))
            known = [seen.ask(partial(look.connections, arm, each)) for each in inputs.workspace]
            allowed = [seen.ask(partial(look.permissions, arm, each)) for each in inputs.workspace]
            pinned = seen.ask(partial(image.pin, inputs.base_image))
            held = (
                seen.ask(partial(self._container, arm, credential, inputs.storage_container))
                if inputs.storage_container
                else None
            )
        facts = Facts(frozenset())
        if inputs.feed and index:
            page, facts = observe.results(index)
            feed.settle(inputs.feed.through(None), page, facts.published, inputs.feed_token)
            done.append(inputs.feed.label)
        if found:
            done.append(f"{found.repository.url}@{found.repository.commit[:12]}")
            if remote.is_trial(found, self.environ):
                host.warning(
                    "The commit is the trial merge of a pull request: once that is closed, no image can be built."
                )
        done += [*(each.name for each in inputs.workspace), f"signed in by {credential.label}"]
        places = tuple(map(WorkspaceState, observe.results(known), observe.results(allowed)))
        sdk = Core(worker) if worker and inputs.sdk == "v1" else ArmSdk(arm)
        return World(
            Planner(arm, sdk),
            worker,
            choose.of(inputs, host, self.environ, Found(worker, held.result() if held else None, found)),
            pinned.result(),
            facts,
            places,
            self._connection(places, found),
            found,
        )

    def _connection(self, found: Sequence[WorkspaceState], source: Remote | None) -> Connection | None:
        """Return the connection with what is known of its token's end, and warn of what isn't well with it."""
        inputs = self.inputs
        if source:
            connection = source.repository.connection(inputs.connection_name)
        elif inputs.feed and inputs.connects:
            connection = Connection.of(inputs.feed, inputs.connection_name)
        else:
            return None
        token, told = inputs.connection_token, inputs.connection_token_expires
        places = zip(inputs.workspace, found, strict=True)
        stored = (connections.remembered(connection, token, *place) for place in places)
        expires = told or min(filter(None, stored), default="")
        if inputs.route == "feed" and token == inputs.feed_token:
            self.host.warning(connection_token.PUBLISHES)
        for text in connection_token.warnings(token, inputs.feed, expires, told=bool(told), now=self.now):
            self.host.warning(text)
        return replace(connection, token_expires=expires)

    def _container(self, arm: Arm, credential: Any, container: Container) -> Blobs:  # noqa: ANN401  # azure-core's protocol
        """Return the container, if it is there, closed to the public, and nothing tells that we can't write to it.

        A workspace that can't read it is warned of: images may be built on another one, or later.
        """
        place = roles.find(arm, container, self.inputs.workspace)
        found = Blobs(container, credential, place.grant)
        with observe.observing() as seen:
            public = seen.ask(found.public)
            writes = seen.ask(place.may_write)
            closed = [seen.ask(partial(place.closed_to, each)) for each in self.inputs.workspace]
        if writes.result() is False:
            raise ContainerRefused(
                f"The identity may see {container.url}, but has no role that lets it store blobs there.",
                fix=place.grant,
            )
        if public.result():
            raise ContainerPublic(
                f"Anybody on the internet may read {container.url} (public access: {public.result()})."
            )
        for text in filter(None, observe.results(closed)):
            self.host.warning(text)
        return found

    def _look_at(self, asked_feed: Feed, seen: Observer) -> tuple[Future[Any], Future[Any]]:
        """Ask for the page of the first package, known or not, as the image builder will, and for the feed's names."""
        inputs = self.inputs
        name = project.expected_names(inputs.package_dir, wheel.find(inputs.wheel, Path(inputs.output_dir)))[0]
        page = seen.ask(partial(feed.look, asked_feed, name, inputs.feed_token, "feed-token"))
        if inputs.connects:
            seen.ask(partial(self._look_as_builder, asked_feed, name, page))
        return page, seen.ask(partial(self._facts, asked_feed))

    def _look_as_builder(self, asked_feed: Feed, name: str, page: Future[Any]) -> None:
        """Ask with the token that the workspace gets; `page` is what the other token gets, which was asked before."""
        token = self.inputs.connection_token
        try:
            feed.look(asked_feed, name, token, "connection-token")
        except StepError as error:
            if isinstance(error, FeedNotFound) and isinstance(page.exception(), FeedNotFound):
                raise  # there is no feed for anybody
            raise connection_token.explain(error, token, asked_feed, self.now.date()) from None

    def _facts(self, asked_feed: Feed) -> Facts:
        inputs = self.inputs
        if not asked_feed.is_artifacts:
            return Facts(feed.names(asked_feed, inputs.feed_token))
        publish, only = inputs.route == "feed", inputs.index == "only"
        return artifacts.facts(asked_feed, inputs.feed_token, publish=publish, view=inputs.view, upstream=only)
