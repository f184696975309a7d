"""`route: git`: what no image could be built from is refused, each with its own error, before anything is changed."""

import pathlib
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from rehearsal.git_host import host as git_host
from rehearsal.git_host import repositories
from rehearsal.proxy.world import World
from rehearsal.state.names import AZURE_REPOSITORY, CODE_TOKEN, REPOSITORY
from rehearsed.checkouts import BELOW, PROJECT, git, release
from rehearsed.steps import Step, refused

pytestmark = pytest.mark.network  # what builds need comes from the public index


def on_a_branch(checkout: pathlib.Path) -> dict[str, Any]:
    del checkout
    return {"git_repository": f"{REPOSITORY}@main"}


def not_pushed(checkout: pathlib.Path) -> dict[str, Any]:
    git(checkout, "commit", "--allow-empty", "--quiet", "-m", "Not pushed")
    return {}


def changed(checkout: pathlib.Path) -> dict[str, Any]:
    (checkout / BELOW / "acme_geese.py").write_text("import os\n")
    return {}


def without_a_remote(checkout: pathlib.Path) -> dict[str, Any]:
    git(checkout, "remote", "remove", "origin")
    return {}


def of_another_version(checkout: pathlib.Path) -> dict[str, Any]:
    before = git(checkout, "rev-parse", "HEAD")
    (checkout / BELOW / "pyproject.toml").write_text(PROJECT.replace('"1.0"', '"1.1"'))
    git(checkout, "commit", "--all", "--quiet", "-m", "1.1")
    return {"git_repository": f"{REPOSITORY}@{before}"}


def with_large_files(checkout: pathlib.Path) -> dict[str, Any]:
    """The file that git holds is a pointer; the rest of it lies elsewhere."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    (checkout / BELOW / "acme_geese.py").write_text(pointer)
    git(checkout, "commit", "--all", "--quiet", "-m", "Large")
    git(checkout, "push", "--quiet", str(_bare(checkout)), "HEAD:refs/heads/main")
    return {}


def with_a_private_submodule(checkout: pathlib.Path) -> dict[str, Any]:
    text = f'[submodule "x"]\n\tpath = x\n\turl = {REPOSITORY}\n'
    (checkout / ".gitmodules").write_text(text)
    git(checkout, "update-index", "--add", "--cacheinfo", f"160000,{git(checkout, 'rev-parse', 'HEAD')},x")
    git(checkout, "add", ".gitmodules")
    git(checkout, "commit", "--quiet", "-m", "Submodule")
    git(checkout, "push", "--quiet", str(_bare(checkout)), "HEAD:refs/heads/main")
    return {}


def elsewhere(checkout: pathlib.Path) -> dict[str, Any]:
    del checkout
    return {"git_repository": f"{REPOSITORY}-of-nobody"}


def _bare(checkout: pathlib.Path) -> pathlib.Path:
    """Return where the local github.com keeps the repository; the test wrote it there."""
    return pathlib.Path((checkout / "bare").read_text())


@pytest.mark.parametrize(
    ("spoil", "status", "told"),
    [
        (on_a_branch, 112, "'main' is a branch, a tag or a shortened id"),
        (not_pushed, 116, f"{REPOSITORY} doesn't have commit"),
        (changed, 113, "Tracked files differ from commit"),
        (without_a_remote, 111, "has no remote called origin"),
        (of_another_version, 117, "holds acme-geese 1.0, but acme-geese 1.1 is checked out"),
        (with_large_files, 118, "1 file(s) of Git LFS"),
        (with_a_private_submodule, 118, "submodules that can't be fetched without a token"),
        (elsewhere, 115, f"{REPOSITORY}-of-nobody answered `AMLWHEEL_CONNECTION_TOKEN` with 404"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_images_could_not_be_built_from_is_refused(  # noqa: PLR0913  # a table
    step: Step,
    world: World,
    pushed: pathlib.Path,
    *,
    spoil: Callable[[pathlib.Path], dict[str, Any]],
    status: int,
    told: str,
) -> None:
    (pushed / "bare").write_text(str(repositories.folder(world.store, git_host.GITHUB, "/acme/churn")))
    given = spoil(pushed)
    refused(release(step, pushed, **given), status, told)


@pytest.mark.parametrize("url", [REPOSITORY, AZURE_REPOSITORY], ids=["github", "azure-repos"])
def test_each_refusal_of_a_host_has_its_cause(step: Step, world: World, checkout: pathlib.Path, url: str) -> None:
    world.push(checkout, url)
    host = urllib.parse.urlsplit(url).hostname or ""
    named = {"git_repository": url}
    permission = "Contents (read-only)" if host == "github.com" else "Code (read)"
    refused(release(step, checkout, "fake-token-of-nobody", **named), 114, permission)
    with world.store.edit("git") as document:
        document[host][CODE_TOKEN]["reads"] = False
    refused(release(step, checkout, **named), 114, permission)
    world.fail({"host": host, "path": "/info/refs", "status": 301, "headers": {"Location": f"{url}-new?x=1"}})
    refused(release(step, checkout, **named), 115, f"has moved to {url}-new.")


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "/git-upload-pack", "headers": {"Content-Type": "application/x-git-upload-pack-result"}, "body": ""},
        {"path": "/info/refs", "headers": {"Content-Type": "application/x-git-upload-pack-advertisement"}, "body": "x"},
    ],
    ids=["empty", "garbage"],
)
def test_a_success_without_sense_is_not_a_missing_commit(
    step: Step, world: World, pushed: pathlib.Path, fault: dict[str, Any]
) -> None:
    world.fail({"host": git_host.GITHUB, "status": 200, **fault})
    refused(release(step, pushed), 114, f"Fetching from {REPOSITORY} failed")


def test_inputs_that_make_no_sense_are_refused_together(step: Step, pushed: pathlib.Path) -> None:
    given = {"feed": "acme/ml/wheels", "index": "only", "wheel": "x.whl", "feed_view": "Release"}
    result = release(step, pushed, env={"AMLWHEEL_FEED_TOKEN": "fake-token"}, **given)
    refused(result, 10)
    for name in ("--feed", "--index", "--wheel", "--feed-view", "AMLWHEEL_FEED_TOKEN"):
        assert f"`{name}` with `--route` git" in result.told


@pytest.mark.long
def test_what_lacks_a_wheel_is_no_matter_of_from_source(step: Step, world: World, pushed: pathlib.Path) -> None:
    bare = str(repositories.folder(world.store, git_host.GITHUB, "/acme/churn"))

    def needs(requirement: str) -> None:
        (pushed / BELOW / "pyproject.toml").write_text(PROJECT.replace(">=1.10", f'>=1.10", "{requirement}'))
        git(pushed, "commit", "--all", "--quiet", "-m", "Requirements")
        git(pushed, "push", "--quiet", bare, "HEAD:refs/heads/main")

    needs("hydra-core")
    stopped = release(step, pushed)
    refused(
        stopped, 74, "hydra-core 0.11.3 in place of", "or release by another `--route`, where `--from-source` builds"
    )
    (older,) = re.findall(r"To take the older release, require (\S+),", stopped.told)
    needs(older)
    done = release(step, pushed)
    assert done.status == 0, done.output
    assert f"\n{older.replace('<=', '==')} " in done.files["requirements.lock"].decode()
