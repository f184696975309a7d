"""`check`: what is set up outside and what isn't, all of it at once, before a first release. Nothing is changed."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..build import project, wheel
from ..environment import image
from ..errors.base import StepError, together
from ..feed import access as feed_access
from ..feed.index import Index
from ..git import remote
from ..hosts import azure_variables
from ..hosts.host import Host
from ..inputs import rules
from ..inputs.reading import spell
from ..inputs.step import Inputs
from ..model import connection_token
from ..model.azure import Target, Workspace
from ..model.feed import Feed
from ..model.secret import Secret
from ..plan import observe
from ..report import checklist
from ..report.checklist import Point, Trust
from ..sign_in import detectors
from ..sign_in.credential import ARM_SCOPE, FEED_SCOPE, Credential
from ..storage.access import usable_container
from ..transport import http
from ..transport.arm import Arm
from ..workspace.look import known, look
from .access import image_login

Question = Callable[[], str]
"""Returns what was found, or raises what is missing."""
_ENVIRONMENTS = ("release", "release-check", "training")  # those that the templates for GitHub have


def run(inputs: Inputs, environ: Mapping[str, str], host: Host, now: datetime) -> None:
    """Say whom Entra has to trust, then ask everything, and tell all of it; raise the errors of all that is missing."""
    credential = _credential(inputs, environ, host)
    trust = _trust(credential)
    for line in [trust.told, *(f"  {each}" for each in trust.subjects)] if trust.subjects else []:
        host.say(f"       {line}")
    with host.stage("Ask what is set up") as done:
        points = _asked(dict(_questions(inputs, environ, host, now, credential)))
        done.append(f"{sum(point.good for point in points)} of {len(points)} OK")
    for line in checklist.lines(points):
        host.say(f"       {spell(line, host.style)}")
    host.summary(spell(checklist.page(points, trust), host.style))
    errors = [point.error for point in points if point.error and not point.waits]
    if errors:
        raise together(errors)


@dataclass(frozen=True)
class _Nobody:
    """Stands for whoever would sign in, where nothing is set up to sign in with."""

    error: StepError

    def get_token(self, *_: str, **__: object) -> None:
        raise self.error


def _credential(inputs: Inputs, environ: Mapping[str, str], host: Host) -> Credential:
    mask = partial(host.mask, user=http.USER)
    try:
        return detectors.find(environ, mask, inputs.application)
    except StepError as error:
        return Credential(_Nobody(error), "", mask)  # type: ignore[arg-type]  # it never returns a token


def _trust(credential: Credential) -> Trust:
    """Return what Entra must trust: the token of this job, and those of jobs in the templates' other environments."""
    claims: Mapping[str, Any] = {}
    with contextlib.suppress(StepError):  # the sign-in itself will say it
        claims = credential.presented()
    issuer, audience, subject = (str(claims.get(name, "")) for name in ("iss", "aud", "sub"))
    job = re.fullmatch(rf"(.*:environment:)(?:{'|'.join(_ENVIRONMENTS)})", subject)
    others = [f"{job[1]}{name}" for name in _ENVIRONMENTS] if job else []
    return Trust(issuer, audience, tuple(dict.fromkeys(filter(None, [subject, *others]))))


def _asked(questions: Mapping[str, Question]) -> list[Point]:
    """Ask everything at once. What fails as the sign-in does, which comes first, waits for it."""
    futures = {name: observe.in_background(question) for name, question in questions.items()}
    wait(futures.values())
    signed_in = next(iter(futures.values())).exception()
    return [_point(name, future, signed_in) for name, future in futures.items()]


def _point(name: str, future: Future[str], signed_in: BaseException | None) -> Point:
    error = future.exception()
    if error is None:
        return Point(name, future.result())
    if not isinstance(error, StepError):
        raise error
    return Point(name, error=error, waits=error is signed_in and name != checklist.SIGN_IN)


def _questions(
    inputs: Inputs, environ: Mapping[str, str], host: Host, now: datetime, credential: Credential
) -> Iterator[tuple[str, Question]]:
    """Yield each thing that this run needs, with the question for it; the sign-in is the first."""
    arm = Arm(credential, ARM_SCOPE)
    yield checklist.SIGN_IN, partial(_sign_in, credential)
    if inputs.feed:
        yield f"feed {inputs.feed.label}", partial(_feed, inputs.feed, inputs, credential, now.date())
    for each in inputs.workspace:
        yield (
            f"{'workspace ' if isinstance(each, Workspace) else ''}{each.label}",
            partial(_workspace, arm, each, stores=inputs.connects),
        )
    if inputs.storage_container:
        yield "storage container", partial(_container, arm, credential, inputs)
    if inputs.connects:
        yield "`connection-token`", partial(_token, inputs, environ, now)
    login = image_login(inputs, credential, partial(host.mask, user=http.USER))
    yield "base image", lambda: image.pin(inputs.base_image, login).image.pinned


def _sign_in(credential: Credential) -> str:
    credential.get_token(ARM_SCOPE)
    return f"by {credential.label}"


def _feed(feed: Feed, inputs: Inputs, credential: Credential, today: date) -> str:
    """Ask the feed with the token that the step uses, and whether that may publish."""
    problem = rules.feed_token(inputs.feed_token, inputs.route, feed)
    if problem:
        raise problem
    token = inputs.feed_token or Secret(credential.get_token(FEED_SCOPE).token, inputs.feed_user)
    package = project.expected_names(inputs.package_dir, wheel.find(inputs.wheel, Path(inputs.output_dir)))[0]
    with observe.observing() as observer:
        asked = feed_access.ask(
            Index(feed, token),
            None,
            package,
            observer,
            publish=inputs.publishes,
            view=inputs.view,
            upstream=inputs.feed_only,
            today=today,
        )
    untold = asked.settle().untold
    if not inputs.publishes:
        return "the identity may read"
    if feed.is_artifacts and not untold:
        return "the identity may publish"
    return f"the identity may read; not told: {', '.join(untold) or 'whether it may publish'}"


def _workspace(arm: Arm, target: Target, *, stores: bool) -> str:
    (state,) = known([look(arm, target)], dry_run=True)  # which raises why it can't be looked at
    state.permissions.check_register(target)
    if stores and isinstance(target, Workspace):
        state.permissions.check("connections/write", target)
    return "the identity has its role" if state.permissions.blocks else "it is there; the role isn't told"


def _container(arm: Arm, credential: Credential, inputs: Inputs) -> str:
    assert inputs.storage_container  # noqa: S101  # the question is asked for one
    warned: list[str] = []
    usable_container(arm, credential, inputs.storage_container, workspaces=inputs.workspaces, warn=warned.append)
    return " ".join(["the identity may write.", *warned])


def _token(inputs: Inputs, environ: Mapping[str, str], now: datetime) -> str:
    """Check kind and last day of the token that workspaces store, and ask with it what the image builder asks."""
    token, feed = inputs.connection_token, None if inputs.from_commit else inputs.feed
    problem = rules.connection_token(token, inputs.route, inputs.feed, mirror=inputs.mirror)
    if problem:
        raise problem
    expires = inputs.connection_token_expires
    connection_token.check(token, feed, expires, Secret(azure_variables.job_token(environ)), now)
    if feed:
        feed_access.check_reader(Index(feed, token, "connection-token"), now.date())
    else:
        remote.check_readable(inputs.git_repository or remote.origin(Path(), environ), token)
    told = f"may read; last day {expires}" if expires else "may read; last day not given: `connection-token-expires`"
    return ". ".join([told, *connection_token.warnings(token, feed, expires, told=bool(expires), now=now)])
