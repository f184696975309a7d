"""`route: git`: images are built from a commit, with everything else by sha256; what couldn't be built is refused."""

import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from rehearsal import builder, git_host
from rehearsal.projects import commit, git_environment
from rehearsal.world import AZURE_REPOSITORY, CODE_TOKEN, REPOSITORY, World, workspace_id
from rehearsed.steps import Result, Step, refused
from rehearsed.test_builder import build, properties, records
from rehearsed.test_consume import consume
from rehearsed.test_secrets import HERE, NOSY_PROJECT, Watcher, assert_kept, holds, secrets

PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-geese"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["six>=1.10"]

[tool.setuptools]
py-modules = ["acme_geese"]
"""
BELOW = "packages/geese"
FLOCK = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-flock"
version = "2.0"
dependencies = ["acme-geese>=1"]

[tool.setuptools]
py-modules = ["acme_flock"]
"""
CANARY = "fake-canary/of+the=code~0007"

pytestmark = pytest.mark.network  # what builds need comes from the public index


@pytest.fixture
def checkout(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a checkout with two projects in folders below its root, one needing the other; it has no remote."""
    source = tmp_path / "source" / BELOW
    source.mkdir(parents=True)
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "acme_geese.py").write_text("import six\n")
    (source.parent / "flock").mkdir()
    (source.parent / "flock" / "pyproject.toml").write_text(FLOCK)
    (source.parent / "flock" / "acme_flock.py").write_text("import acme_geese\n")
    return commit(tmp_path / "source", tmp_path / "checkout")


@pytest.fixture
def pushed(checkout: pathlib.Path, world: World) -> pathlib.Path:
    """Return the checkout, pushed to its origin on the local github.com."""
    world.push(checkout, REPOSITORY)
    git_host.set_origin(checkout, REPOSITORY)
    return checkout


def release(step: Step, checkout: pathlib.Path, token: str = CODE_TOKEN, **given: Any) -> Result:  # noqa: ANN401
    env = {"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": token, **given.pop("env", {})}
    given = {"feed": "", "route": "git", "package_dir": checkout / BELOW, "python_version": HERE, **given}
    return step(env=env, **given)


def git(checkout: pathlib.Path, *words: str) -> str:
    command = [shutil.which("git") or "git", "-C", str(checkout), *words]
    done = subprocess.run(command, env=git_environment(), check=True, capture_output=True)
    return done.stdout.decode().strip()


def test_a_commit_is_released_and_the_second_run_changes_nothing(
    step: Step, world: World, pushed: pathlib.Path
) -> None:
    result = release(step, pushed)
    assert result.status == 0, result.output
    assert result.written == [("PUT", "connections"), ("PUT", "environments")]
    name, head = "git-acme-churn", git(pushed, "rev-parse", "HEAD")

    stored = world.workspace()["connections"][name]["properties"]
    assert (stored["category"], stored["target"], stored["authType"]) == ("Git", REPOSITORY, "PAT")
    assert stored["credentials"] == {"pat": CODE_TOKEN}
    said = json.loads(result.files["aml-release.json"])
    assert (said["route"], said["feed"]) == ("git", None)
    assert said["connection"] == {"name": name, "target": REPOSITORY, "category": "Git"}
    assert said["source"] == {"repository": REPOSITORY, "commit": head, "tag": "", "dirty": False}
    address = f"git+{REPOSITORY}@{head}#subdirectory={BELOW}"
    lines = re.findall(r"^  - (.*)$", result.files["conda.yml"].decode(), re.MULTILINE)
    assert lines[:1] == ["--no-index"]
    assert f"acme-geese @ {address}" in lines
    others = [line for line in lines if line != "--no-index" and "git+" not in line]
    assert {re.split(r"\W", line.removeprefix("--find-links "))[0] for line in others} == {"https", "six"}
    assert all(re.search(r"https://\S+\.whl#sha256=[0-9a-f]{64}$", line) for line in others)
    assert "./dist/acme_geese-1.0-py3-none-any.whl --hash=" in result.files["requirements.lock"].decode()
    components = {each["name"]: each for each in json.loads(result.files["sbom.cdx.json"])["components"]}
    assert urllib.parse.parse_qs(components["acme-geese"]["purl"].partition("?")[2])["vcs_url"] == [address]
    assert "hashes" not in components["acme-geese"]

    again = release(step, pushed)
    assert again.status == 0, again.output
    assert again.writes == []
    assert again.released == result.released
    known = consume(step, result.folder / "aml-release.json")
    assert known.status == 0, known.output
    assert (known.outputs["connection"], known.outputs["index-url"]) == (name, "")
    with world.store.edit("arm") as document:
        del _connections(document)[name]
    assert consume(step, result.folder / "aml-release.json").status == 86


def test_two_packages_of_a_commit_in_azure_repos_are_released_by_azureml_core(
    step: Step, world: World, checkout: pathlib.Path
) -> None:
    world.push(checkout, AZURE_REPOSITORY)
    git_host.set_origin(checkout, AZURE_REPOSITORY.replace("https://", "https://acme@"))  # as its clone button has it
    both = (checkout / BELOW, checkout / "packages" / "flock")
    result = release(step, checkout, sdk="v1", package_dir=both)
    assert result.status == 0, result.output
    stored = world.workspace()["connections"]["git-acme"]["properties"]
    assert (stored["category"], stored["target"]) == ("Git", "https://dev.azure.com/acme")
    built = build(world, result)
    assert built.ok, built.log
    assert built.installed[:2] == ("acme_flock 2.0", "acme_geese 1.0")
    assert [each.split()[0] for each in built.installed[2:]] == ["six"]
    assert not holds(built.log, CODE_TOKEN)


def _connections(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = records(document)["connections"]
    return found


def test_with_one_sha256_altered_or_without_the_connection_no_image_is_built(
    step: Step, world: World, pushed: pathlib.Path
) -> None:
    result = release(step, pushed, verify="none")
    assert result.status == 0, result.output
    document = world.store.path("arm").read_text("utf-8")
    for altered, told in (
        ("six @ https://", "DO NOT MATCH THE HASHES"),
        ("--find-links https://", "DO NOT MATCH THE HASHES"),
        ("", "could not read Username"),
    ):
        with world.store.edit("arm") as changed:
            found = properties(changed, result)
            pattern = rf"({altered}\S*#sha256=)...."
            if altered:
                found["condaFile"], count = re.subn(pattern, r"\g<1>0000", found["condaFile"])
                assert count == 1
            else:
                _connections(changed).clear()
        built = build(world, result)
        assert not built.ok
        assert told in built.log
        world.store.path("arm").write_text(document, "utf-8")


# --- what is refused before anything is changed


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
    (pushed / "bare").write_text(str(git_host.folder(world.store, git_host.GITHUB, "/acme/churn")))
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


def test_inputs_that_make_no_sense_are_refused_together(step: Step, pushed: pathlib.Path) -> None:
    given = {"feed": "acme/ml/wheels", "index": "only", "wheel": "x.whl", "feed_view": "Release"}
    result = release(step, pushed, env={"AMLWHEEL_FEED_TOKEN": "fake-token"}, **given)
    refused(result, 10)
    for name in ("--feed", "--index", "--wheel", "--feed-view", "AMLWHEEL_FEED_TOKEN"):
        assert f"`{name}` with `--route` git" in result.told


# --- secrets


@pytest.mark.skipif(sys.platform != "linux", reason="watches processes in /proc")
def test_the_token_is_seen_by_nobody_and_not_by_the_build(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    with world.store.edit("git") as document:
        document[git_host.GITHUB][CANARY] = document[git_host.GITHUB].pop(CODE_TOKEN)
    source, place = tmp_path / "source", step.scratch / "environments.jsonl"
    for name, text in NOSY_PROJECT.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text.replace("{place!r}", repr(str(place))))
    checkout = commit(source, tmp_path / "checkout")
    world.push(checkout, REPOSITORY)
    watched = dataclasses.replace(step, caches={**step.caches, "UV_CACHE_DIR": str(tmp_path / "uv")})
    with Watcher().running() as watcher:
        named = {"git_repository": REPOSITORY, "package_dir": checkout, "watch": watcher.start}
        result = release(watched, checkout, CANARY, env={"TMPDIR": str(step.folder("temp"))}, **named)
    assert result.status == 0, result.output
    assert_kept(watched, result)
    known = {**secrets(result.requests), "code": CANARY}
    assert watcher.saw("git", "fetch")
    assert watcher.saw("git", "checkout")
    assert [argv for argv in watcher.seen for secret in known.values() if holds("\0".join(argv), secret)] == []
    texts = [result.output, place.read_text(), *(path.read_text("utf-8", "replace") for path in _left(step.scratch))]
    assert not any(holds(text, CANARY) for text in texts)
    assert not list((watched.scratch / "temp").iterdir())
    name, version = result.outputs["environment-name"], result.outputs["environment-version"]
    built = builder.build(world, workspace_id(), name, version)
    assert built.ok, built.log
    assert not holds(built.log, CANARY)


def _left(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the files that the step and its tools left, but for what is too large to hold a token by accident."""
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 10**6]
