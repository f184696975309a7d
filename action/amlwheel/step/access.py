"""What must be true outside before anything is made: every service is asked at once, and nothing is changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from ..build import project, wheel
from ..environment import image
from ..environment.image import Found
from ..environment.image_config import Config
from ..environment.registry import Login
from ..feed import access, artifacts
from ..feed.access import FeedAccess
from ..feed.artifacts import Facts
from ..feed.index import Index
from ..git import remote
from ..git.remote import Remote
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model import connection_token
from ..model.azure import Connection, Target, Workspace
from ..model.environment import Image
from ..model.feed import Feed
from ..model.limit import NO_LIMIT, Limit
from ..model.repository import Repository
from ..model.secret import Secret
from ..plan import observe
from ..plan.observe import Observer
from ..routes import choose
from ..routes.choose import Resources
from ..routes.commit import refuse_credentials
from ..routes.route import Route
from ..sign_in import detectors
from ..sign_in.credential import ARM_SCOPE, Credential
from ..storage.access import usable_container
from ..storage.blobs import Blobs
from ..transport import http
from ..transport.arm import Arm
from ..workspace import building
from ..workspace.arm import ArmSdk
from ..workspace.azureml.process import Worker
from ..workspace.azureml.sdk import Core
from ..workspace.connections import remembered
from ..workspace.look import WorkspaceState, known, look
from ..workspace.planner import Planner
from . import limits


@dataclass(frozen=True, kw_only=True)
class Access:
    """What was observed outside before anything was made.

    `workspaces` are in the order of the input. `worker` is azureml-core, where it is needed. `connection` is the feed's
    or the repository's, with the last day of its token, if the user or one of the workspaces knows it. `reached` names
    what answered, for people. Uploads count until `limit`. `config` is the image's, if its registry shows it.
    """

    route: Route
    planner: Planner
    worker: Worker | None
    image: Image
    config: Config | None = None
    facts: Facts
    limit: Limit = NO_LIMIT
    workspaces: tuple[WorkspaceState, ...]
    connection: Connection | None
    reached: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class First:
    """What build and lock wait for, on its way; see `first`. `limited` is until when uploads count."""

    inputs: Inputs
    observer: Observer
    commit: Remote | None
    feed: FeedAccess | None
    limited: Future[Limit]

    @property
    def names(self) -> Future[frozenset[str] | None]:
        """Which packages are the feed's own, as soon as it tells; None if it doesn't, none where there is no feed."""
        if self.feed:
            return self.feed.names
        none: Future[frozenset[str] | None] = Future()
        none.set_result(frozenset())
        return none


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Every question of a run about what is outside, on its way; see `ask` and `Access`."""

    first: First
    environ: Mapping[str, str]
    host: Host
    now: datetime
    credential: Credential
    worker: Worker | None
    arm: Arm
    looks: Sequence[Future[WorkspaceState]]
    pinned: Future[Found]
    stored: Future[Blobs] | None

    def settle(self) -> Access:
        """Wait for all answers, and return what they mean; raise all problems together. The host gets the warnings."""
        inputs, host, commit, limit = self.first.inputs, self.host, self.first.commit, self.first.limited
        self.first.observer.settle()
        facts = self.first.feed.settle() if self.first.feed else Facts(frozenset())
        if commit and remote.is_trial(commit, self.environ):
            host.warning("The commit is the trial merge of a pull request: once that is closed, no image can be built.")
        states, pinned = known(observe.results(self.looks), dry_run=inputs.dry_run), self.pinned.result()
        resources = Resources(self.worker, self.stored.result() if self.stored else None, commit, limit.result())
        route = choose.of(inputs, host, self.environ, resources)
        connection = connection_of(inputs, commit.repository if commit else None, states)
        for text in filter(None, (*warnings(inputs, connection, states, self.now), pinned.warning)):
            host.warning(text)
        return Access(
            route=route,
            planner=Planner(self.arm, Core(self.worker) if self.worker and inputs.sdk == "v1" else ArmSdk(self.arm)),
            worker=self.worker,
            image=pinned.image,
            config=pinned.config,
            facts=facts,
            limit=limit.result(),
            workspaces=states,
            connection=connection,
            reached=(
                *([inputs.feed.label] if inputs.feed else []),
                *([route.label] if commit else []),
                *(each.label for each in inputs.workspace),
                f"signed in by {self.credential.label}",
            ),
        )


def first(inputs: Inputs, environ: Mapping[str, str], now: datetime) -> First:
    """Ask feed and git, at once and without waiting: whoever signs in to Azure is known later.

    `now` (UTC) is when the run began. Raises why the commit can't be told.
    """
    commit, observer = choose.commit(inputs, environ), Observer()
    if inputs.feed and inputs.feed.is_artifacts:
        artifacts.load()  # before other threads want the processor: build and lock wait for its first answer
    feed = _ask_feed(inputs.feed, inputs, now.date(), observer) if inputs.feed else None
    if commit:
        observer.ask(partial(refuse_credentials, environ))
        made = observer.ask(partial(remote.check, commit, inputs.connection_token))
        limited = observer.ask(lambda: limits.of(inputs.exclude_newer, now, made.result()))
    else:
        limited = observer.ask(partial(limits.of_checkout, inputs, now))
    return First(inputs=inputs, observer=observer, commit=commit, feed=feed, limited=limited)


def ask(before: First, environ: Mapping[str, str], host: Host, now: datetime) -> Asked:
    """Ask container, workspaces and image registry as well, all at once and without waiting.

    Raises why nobody can sign in.
    """
    inputs, observer = before.inputs, before.observer
    credential = detectors.find(environ, partial(host.mask, user=http.USER), inputs.application)
    worker = Worker(credential, inputs.workspaces) if inputs.azureml else None  # so early that nobody waits for it
    arm = Arm(credential, ARM_SCOPE)
    login = image_login(inputs, credential, partial(host.mask, user=http.USER))
    looks = [observer.ask(partial(look, arm, each)) for each in inputs.workspace]
    pinned = observer.ask(partial(image.pin, inputs.base_image, login))
    storage = inputs.storage_container
    usable = partial(usable_container, arm, credential, workspaces=inputs.workspaces, warn=host.warning)
    return Asked(
        first=before,
        environ=environ,
        host=host,
        now=now,
        credential=credential,
        worker=worker,
        arm=arm,
        looks=looks,
        pinned=pinned,
        stored=observer.ask(partial(usable, storage)) if storage else None,
    )


def image_login(inputs: Inputs, credential: Credential, mask: Callable[[Secret], None]) -> Login:
    """Return with what the image's registry may be asked. Entra gives its token only where one is needed."""
    return Login(inputs.base_image_token, lambda: Secret(credential.get_token(ARM_SCOPE).token), mask)


def connection_of(inputs: Inputs, repository: Repository | None, states: Sequence[WorkspaceState]) -> Connection | None:
    """Return the connection that images need, with the last day of its token: the user's, or the one stored with it."""
    if repository:
        connection = repository.connection(inputs.connection_name)
    elif inputs.feed and inputs.connects:
        connection = Connection.of(inputs.feed, inputs.connection_name)
    else:
        return None
    if inputs.connection_token_expires:
        return replace(connection, token_expires=inputs.connection_token_expires)
    days = [remembered(connection, inputs.connection_token, *each) for each in on_workspaces(inputs.workspace, states)]
    return replace(connection, token_expires=min(filter(None, days), default=""))


def on_workspaces(
    targets: Sequence[Target], states: Sequence[WorkspaceState]
) -> list[tuple[Workspace, WorkspaceState]]:
    """Return the workspaces among `targets`, each with its state."""
    pairs = zip(targets, states, strict=True)
    return [(target, state) for target, state in pairs if isinstance(target, Workspace)]


def warnings(
    inputs: Inputs, connection: Connection | None, states: Sequence[WorkspaceState], now: datetime
) -> Iterator[str]:
    """Yield what may keep images from being built later: the token of `connection`, the workspaces' networks."""
    yield from _of_token(inputs, connection, now) if connection else ()
    yield from _networks(inputs.workspace, states, connection)


def _of_token(inputs: Inputs, connection: Connection, now: datetime) -> Iterator[str]:
    """Yield what makes the token of `connection` a bad choice: it may publish, or it ends soon."""
    token, given = inputs.connection_token, bool(inputs.connection_token_expires)
    if inputs.publishes and token == inputs.feed_token:
        yield connection_token.PUBLISHES
    yield from connection_token.warnings(token, inputs.feed, connection.token_expires, told=given, now=now)


def _networks(
    targets: Sequence[Target], states: Sequence[WorkspaceState], connection: Connection | None
) -> Iterator[str]:
    """Yield what in the workspaces' networks may keep them from building images."""
    host = urlsplit(connection.target).hostname if connection else ""
    for workspace, state in on_workspaces(targets, states):
        yield from building.warnings(workspace, state.properties, host or "")


def _ask_feed(feed: Feed, inputs: Inputs, today: date, observer: Observer) -> FeedAccess:
    """Ask the feed what it shows of the first package, and what the plan needs to know of it."""
    package = project.expected_names(inputs.package_dir, wheel.find(inputs.wheel, Path(inputs.output_dir)))[0]
    reader = Index(feed, inputs.connection_token, "connection-token") if inputs.connects else None
    return access.ask(
        Index(feed, inputs.feed_token),
        reader,
        package,
        observer,
        publish=inputs.publishes,
        view=inputs.view,
        upstream=inputs.feed_only,
        today=today,
    )
