"""Rules that concern several inputs: what an input needs or excludes, and which value one gives to another."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from ..errors.base import StepError
from ..errors.inputs import BadFeed, BadInput, MissingToken
from ..errors.origins import TwoIndexes
from ..model.azure import Container
from ..model.feed import Feed
from ..model.package_index import PackageIndex, same_address
from ..model.secret import Secret
from .knob import Case, Command, IndexMode, Knob, RouteName, knobs
from .plans import part_of_a_plan, per_package, plan_or_apply, wheels_of_a_plan
from .registries import registries

# Its parameters are inputs. One without a default must have been read; a default stands for a value that couldn't be.
Rule = Callable[..., StepError | None]

_READ_ONLY = ("workspace", "storage")  # routes that publish nothing to a feed, but may read from one


def problems(of: type, values: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[StepError]:
    """Yield what is wrong with the inputs of the class `of` in combination.

    `values` (by field) has only the inputs that could be read, so that no problem is told twice; `given` are all texts,
    by input.
    """
    yield from _broken((feed_token, connection_token, nothing_to_connect, sign_in, registries), values)
    yield from _refused(of, values)
    yield from _release_only(of, values, given)
    yield from _broken((plan_or_apply, part_of_a_plan, wheels_of_a_plan, per_package), values)
    yield from _broken((one_index_a_package, no_index_beside_only), values)
    yield from _broken((container, view_of_artifacts, same_view, artifacts_upload, group_upload, image_user), values)


def complete(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the step's values with what one input says about another.

    The feed gets its upload address, each token its user, and Python the platform of the image. What writes a plan
    changes nothing else.
    """
    feed, user = values["feed"], values["feed_user"]
    if feed and values["feed_upload_url"]:
        feed = dataclasses.replace(feed, upload_url=values["feed_upload_url"])
    return {
        **values,
        "feed": feed,
        "dry_run": values["dry_run"] or bool(values["plan_file"]),
        "python_version": dataclasses.replace(values["python_version"], platform=values["base_image"].platform),
        "feed_token": values["feed_token"].of(user),
        "connection_token": values["connection_token"].of(values["connection_user"] or user),
        "base_image_token": values["base_image_token"].of(values["base_image_user"]),
    }


def _broken(rules: Iterable[Rule], values: Mapping[str, Any]) -> Iterator[StepError]:
    """Yield what the rules refuse, as far as the inputs that they need could be read."""
    for rule in rules:
        parameters = inspect.signature(rule).parameters.values()
        if all(each.name in values for each in parameters if each.default is each.empty):
            problem = rule(**{each.name: values[each.name] for each in parameters if each.name in values})
            if problem:
                yield problem


def _refused(of: type, values: Mapping[str, Any]) -> Iterator[StepError]:
    """Yield a problem for each input that is given, although it means nothing with the route, mirror or feed."""
    cases = _cases(values)
    given = (each for each in knobs(of) if values.get(each.field) and values[each.field] != each.default)
    for each in given:
        for case, title in cases.items():
            if case in each.refused:
                why = each.refused[case]
                yield BadInput(f"`{each.name}` {title}: {why}.", fix=_without(each))


def _release_only(of: type, values: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[StepError]:
    """Yield the inputs that only a release has, where none is made. A default is what a host may have filled in."""
    unused = [
        f"`{each.name}`"
        for each in (knobs(of) if values.get("command") == "connect" else ())
        if not each.connects and given.get(each.name, "").strip().lower() not in ("", each.default.lower())
    ]
    if unused:
        yield BadInput(
            f"{', '.join(unused)} with `command` connect: such inputs belong to a release, and this run makes none.",
            cause="The step was copied from a release.",
            fix=f"Leave {', '.join(unused)} out: a token is stored without.",
        )


def _cases(values: Mapping[str, Any]) -> dict[Case, str]:
    """Return the cases that apply to this run, each in words that follow an input's name."""
    route: RouteName | None = values.get("route")
    cases: dict[Case, str] = {route: f"with `route` {route}"} if route else {}
    if route == "storage" and values.get("mirror"):
        cases["mirror"] = "with `mirror`"
    if route in _READ_ONLY and "feed" in values and not values["feed"]:
        cases["no feed"] = "without a `feed`"
    return cases


def _without(each: Knob) -> str:
    """Return what to do about a refused input; where one route alone knows it, that route may have been meant."""
    first, *more = (route for route in get_args(RouteName) if route not in each.refused)
    other = "" if more else f", or set `route` to {first}"
    return f"Leave `{each.name}` out{other}."


def feed_token(
    feed_token: Secret,
    route: RouteName = "feed",
    feed: Feed | None = None,
    command: Command = "release",
    *,
    check: bool = False,
) -> StepError | None:
    """Refuse an empty `feed-token`, unless it is for Azure Artifacts, where Entra gives one. A `check` tells it."""
    if check or feed_token or route == "git" or not feed or feed.is_artifacts or command == "connect":
        return None
    return MissingToken("`feed-token` is empty.", fix=f"{_ELSEWHERE_FIX} as `feed-token`.")


def connection_token(
    connection_token: Secret,
    route: RouteName = "feed",
    feed: Feed | None = None,
    *,
    mirror: bool = False,
    check: bool = False,
) -> StepError | None:
    """Refuse an empty `connection-token`, if the workspace is to hold one. A `check` tells it."""
    if check or connection_token or mirror or (route in _READ_ONLY and not feed):
        return None
    elsewhere = feed and not feed.is_artifacts
    fix = _GIT_FIX if route == "git" else f"{_ELSEWHERE_FIX} as `connection-token`." if elsewhere else _READER_FIX
    return MissingToken("`connection-token` is empty.", fix=fix)


def nothing_to_connect(
    command: Command, route: RouteName, feed: Feed | None = None, *, mirror: bool = False
) -> StepError | None:
    """Refuse to store a token with which no image is built."""
    mirrored = mirror and route == "storage"
    if command == "release" or not (mirrored or (route in _READ_ONLY and not feed)):
        return None
    why = "with `mirror`" if mirrored else f"with `route` {route} and without a `feed`"
    return BadInput(
        f"`command` connect has nothing to store: {why} images need no connection.",
        cause="The project's packages don't come from a feed.",
        fix="Leave this step out: no token has to be renewed.",
    )


def sign_in(client_id: str, tenant_id: str) -> StepError | None:
    """Refuse half an application that signs in by OIDC."""
    if bool(client_id) == bool(tenant_id):
        return None
    return BadInput("`client-id` and `tenant-id` belong together, and one of them is empty.")


def one_index_a_package(
    package_indexes: tuple[PackageIndex, ...], torch_backend: PackageIndex | None
) -> StepError | None:
    """Refuse an index beside PyTorch's own for a package of PyTorch."""
    if not torch_backend:
        return None
    others = [each for each in package_indexes if not same_address(each.url, torch_backend.url)]
    twice = sorted(torch_backend.names & {name for each in others for name in each.names})
    if not twice:
        return None
    return TwoIndexes(
        f"`torch-backend` takes {twice[0]} from {torch_backend.url}, and `package-indexes` from another index.",
        fix=f"Leave {twice[0]} out of `package-indexes`, or leave `torch-backend` out.",
    )


def no_index_beside_only(
    index: IndexMode, package_indexes: tuple[PackageIndex, ...] = (), torch_backend: PackageIndex | None = None
) -> StepError | None:
    """Refuse another index where everything has to come from the feed."""
    if index != "only" or not (package_indexes or torch_backend):
        return None
    name = "package-indexes" if package_indexes else "torch-backend"
    return TwoIndexes(
        f"`{name}` names an index, but with `index` only everything comes from the feed.",
        fix=f"Set `index` to extra, or leave `{name}` out.",
    )


def container(route: RouteName, storage_container: Container | None, command: Command = "release") -> StepError | None:
    """Refuse a release by `route` storage without a container."""
    if route == "storage" and not storage_container and command == "release":
        return BadInput("`route` storage needs a `storage-container`.")
    return None


def view_of_artifacts(feed_view: str, feed: Feed | None, route: RouteName = "feed") -> StepError | None:
    """Refuse a view of a repository that has none."""
    if route == "feed" and feed_view and feed and not feed.is_artifacts:
        return BadInput("`feed-view`: only feeds of Azure Artifacts have views, and `feed` is another index.")
    return None


def same_view(feed_view: str, feed: Feed | None, route: RouteName = "feed") -> StepError | None:
    """Refuse two views."""
    if route != "feed" or not (feed_view and feed and feed.view) or feed.view.lower() == feed_view.lower():
        return None
    return BadInput(
        f"`feed-view` is {feed_view!r}, but images would be built from the view {feed.view!r} in `feed`.",
        fix="Leave the view out in one of the two.",
    )


def artifacts_upload(route: RouteName, feed: Feed | None, feed_upload_url: str) -> StepError | None:
    """Refuse an upload address beside Azure Artifacts."""
    if route == "feed" and feed_upload_url and feed and feed.is_artifacts:
        return BadInput(
            "`feed-upload-url`: Azure Artifacts has its own address for uploads.", fix="Leave `feed-upload-url` out."
        )
    return None


def group_upload(
    route: RouteName, feed: Feed | None, feed_upload_url: str, command: Command = "release"
) -> StepError | None:
    """Refuse to publish to an index that takes no uploads (GitLab, PyPI packages in the package registry)."""
    if route != "feed" or not feed or feed.upload_url or feed_upload_url or command == "connect":
        return None
    return BadFeed(
        f"`feed` {feed.label} is the index of a GitLab group, which takes no uploads.",
        fix="Give a project's https://HOST/api/v4/projects/ID/packages/pypi as `feed`, or as `feed-upload-url`.",
    )


def image_user(base_image_user: str, base_image_token: Secret) -> StepError | None:
    """Refuse a user of the image's registry without a token."""
    if base_image_token or not base_image_user:
        return None
    return MissingToken(
        "`base-image-user` is given, and `base-image-token` is empty.",
        fix="Store the user's password or token as a secret, and pass it as `base-image-token`.",
    )


_ELSEWHERE_FIX = "Store the password or token of a user of the repository as a secret, and pass it"
_READER_FIX = (
    "Make an organisation-scoped personal access token with scope Packaging (read), store it as a secret, and pass it "
    "as `connection-token`."
)
_GIT_FIX = (
    "Make a token that may read the repository (GitHub: fine-grained, Contents read-only; Azure Repos: Code read), "
    "store it as a secret, and pass it as `connection-token`."
)
